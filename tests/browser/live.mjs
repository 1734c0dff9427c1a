// A live stream plays: it starts, time advances, and the delay behind the live edge is known.

import { Failure } from './failure.mjs';

const PLAYED_SECONDS = 4;

export async function checkLive(player, wanted) {
  await untilPublished(wanted);
  await player.open();
  await player.until('the live stream starts to play', () => window.rec2vod.video.currentTime > 0);
  const start = await player.evaluate(() => window.rec2vod.video.currentTime);
  await player.until(
    `the live stream plays for ${PLAYED_SECONDS} s`,
    (end) => window.rec2vod.video.currentTime >= end,
    start + PLAYED_SECONDS,
  );
  const { latency, time } = await player.evaluate(() => ({
    latency: window.rec2vod.hls.latency,
    time: window.rec2vod.video.currentTime,
  }));
  const levels = await player.levels();
  const decoded = await player.decoded();
  return { played: time - start, latency, levels, decoded, hlsErrors: await player.hlsErrors() };
}

/** A live playlist appears with the first whole fragment, some seconds after the encoder has started. */
async function untilPublished({ page, url, limitMs }) {
  const playlist = new URL(/^[/.]|:\/\//.test(url) ? url : `http://${url}`, page);
  const deadline = Date.now() + limitMs;
  let last = 'no answer';
  while (Date.now() < deadline) {
    try {
      const answer = await fetch(playlist);
      if (answer.ok) {
        return;
      }
      last = `HTTP ${answer.status}`;
    } catch (error) {
      last = error.cause?.message ?? error.message;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Failure(`no live playlist at ${playlist} within ${limitMs / 1000} s (${last})`);
}
