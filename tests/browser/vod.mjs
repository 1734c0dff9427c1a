// A recording plays: every level of the ladder, after seeks, and to its end.

import { Failure } from './failure.mjs';

// How long playback must go on, on each level and after a seek; a quarter of recordings that are shorter than four of it.
const PLAYED_SECONDS = 1;
const LAST_SECONDS = 2;
// A decoder may hold back a frame or a block of samples, no more.
const END_TOLERANCE_SECONDS = 0.25;
// What hls.js reports when data or the decoder come late, which is no fault of the media.
const SLOWNESS = ['bufferStalledError', 'bufferNudgeOnStall'];
// What it reports when a level is switched while the fragment of another has just been appended for the same time: the new one replaces it
// and the buffer does not grow. A hole has other names (bufferSeekOverHole, bufferAppendError).
const REPLACED = ['bufferAppendNoProgress'];

export async function checkVod(player, wanted) {
  await player.open();
  await player.until('the recording starts to play', () => window.rec2vod.video.currentTime > 0 && window.rec2vod.hls.currentLevel >= 0);
  const { duration, isGrowing } = await player.evaluate(() => ({
    duration: window.rec2vod.video.duration,
    isGrowing: window.rec2vod.hls.levels[window.rec2vod.hls.currentLevel].details.live,
  }));
  if (isGrowing || !Number.isFinite(duration)) {
    throw new Failure('the recording has no end: its playlists lack EXT-X-ENDLIST');
  }
  const levels = await player.levels();
  const piece = Math.min(PLAYED_SECONDS, duration / 4);
  const played = [];
  // Up through the ladder, and down again.
  const up = [...levels.keys()];
  for (const index of [...up, ...up.slice(0, -1).reverse()]) {
    played.push(await playLevel(player, index, levels[index], piece, wanted));
  }
  await chooseInMenu(player, levels);
  await seekAndPlay(player, duration / 2, piece);
  await seekAndPlay(player, duration / 4, piece);
  const end = await playToEnd(player, duration);
  const decoded = await player.decoded();
  const { switches } = await player.evaluate(() => window.seen);
  if (levels.length > 1 && new Set(switches).size < levels.length) {
    throw new Failure(`hls.js switched to levels ${switches}, not to each of the ${levels.length}`);
  }
  return { duration, end, levels, played, switches, decoded, hlsErrors: await failOnDefects(player) };
}

/** Plays a piece from the start on one level and returns the size of the picture that was shown. */
async function playLevel(player, index, level, piece, wanted) {
  await player.evaluate((chosen) => {
    window.rec2vod.hls.currentLevel = chosen;
  }, index);
  await seek(player, 0);
  const what = `level ${index} (${level.width}x${level.height}, ${level.bitrate} b/s) plays for ${piece} s`;
  await player.until(
    what,
    ({ chosen, played, height }) => {
      const { hls, video } = window.rec2vod;
      return hls.currentLevel === chosen && video.videoHeight === height && !video.seeking && video.currentTime >= played;
    },
    { chosen: index, played: piece, height: wanted.hasVideo ? level.height : 0 },
  );
  return player.evaluate(() => `${window.rec2vod.video.videoWidth}x${window.rec2vod.video.videoHeight}`);
}

/** The page's own menu reaches the player, and gives the choice back to it. */
async function chooseInMenu(player, levels) {
  if (levels.length < 2) {
    return;
  }
  for (const [choice, isAuto] of [['0', false], ['-1', true]]) {
    await player.page.selectOption('#quality', choice);
    await player.until(
      `the quality menu sets ${isAuto ? 'automatic choice' : `level ${choice}`}`,
      (expected) => window.rec2vod.hls.autoLevelEnabled === expected,
      isAuto,
    );
  }
}

async function seekAndPlay(player, position, piece) {
  await seek(player, position);
  await player.until(
    `playback goes on after a seek to ${position.toFixed(1)} s`,
    (time) => !window.rec2vod.video.seeking && window.rec2vod.video.currentTime >= time,
    position + piece,
  );
}

function seek(player, position) {
  return player.evaluate((time) => {
    const { video } = window.rec2vod;
    window.seen.ended = false;
    video.currentTime = time;
    // A video that has ended stays paused after a seek. The promise may wait for data that never come.
    video.play().catch(() => {});
  }, position);
}

async function playToEnd(player, duration) {
  await seek(player, Math.max(0, duration - LAST_SECONDS));
  await player.until('the end is reached (event "ended")', () => window.seen.ended);
  const end = await player.evaluate(() => window.rec2vod.video.currentTime);
  if (Math.abs(end - duration) > END_TOLERANCE_SECONDS) {
    throw new Failure(`playback ended at ${end} s, the duration is ${duration} s`);
  }
  return end;
}

/** Fails if hls.js had to mend the media: a hole, or a segment that it could not parse. Returns all that it reported. */
async function failOnDefects(player) {
  const errors = await player.hlsErrors();
  const defects = errors.filter(({ type, details }) => type === 'mediaError' && ![...SLOWNESS, ...REPLACED].includes(details));
  if (defects.length > 0) {
    throw new Failure(`hls.js reports defects of the media: ${JSON.stringify(defects)}`);
  }
  return errors;
}
