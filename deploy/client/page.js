// The page around the player: what to play, the quality menu, and what is known about the stream while it plays.

import Hls from './vendor/hls.mjs';
import { play } from './player.js';
import { blockedByBrowser } from './problems.js';
import { streamUrl } from './stream-url.js';

const FACTS_EVERY_MS = 500;
const AUTO = -1;
const element = (id) => document.getElementById(id);

function main() {
  const given = new URLSearchParams(location.search).get('url')?.trim();
  element('retry').addEventListener('click', () => location.reload());
  if (!given) {
    showLanding();
    return;
  }
  element('url').value = given;
  try {
    showPlayer(streamUrl(given, location.href));
  } catch (error) {
    showProblem(error.message);
  }
}

async function showLanding() {
  element('landing').hidden = false;
  const answer = await fetch('./streams.json');
  const streams = answer.ok ? await answer.json() : {};
  for (const kind of ['live', 'vod']) {
    element(kind).replaceChildren(...(streams[kind] ?? []).map(link));
  }
}

function link({ name, url }) {
  const anchor = document.createElement('a');
  anchor.href = `?${new URLSearchParams({ url })}`;
  anchor.textContent = name;
  const item = document.createElement('li');
  item.append(anchor);
  return item;
}

function showPlayer(url) {
  const blocked = blockedByBrowser(url, location.href);
  if (blocked) {
    showProblem(blocked);
    return;
  }
  document.title = `${url.pathname} – rec2vod`;
  element('source').textContent = url.href;
  element('player').hidden = false;
  const video = element('video');
  const hls = play(video, url, showProblem);
  followState(video);
  if (hls) {
    hls.on(Hls.Events.MANIFEST_PARSED, () => fillQualityMenu(hls));
  }
  setInterval(() => showFacts(video, hls), FACTS_EVERY_MS);
  // For the console, and for tests that drive the page.
  window.rec2vod = { hls, video };
}

function showProblem(sentence) {
  element('message').textContent = sentence;
  element('problem').hidden = false;
  element('state').textContent = 'Stopped';
}

function followState(video) {
  const states = { playing: 'Playing', pause: 'Paused', waiting: 'Waiting for data', seeking: 'Seeking', ended: 'Ended' };
  for (const [event, text] of Object.entries(states)) {
    video.addEventListener(event, () => {
      element('state').textContent = text;
    });
  }
}

function fillQualityMenu(hls) {
  const menu = element('quality');
  const byQuality = hls.levels.map((level, index) => ({ level, index })).sort((a, b) => b.level.bitrate - a.level.bitrate);
  menu.replaceChildren(
    new Option('Auto', String(AUTO)),
    ...byQuality.map(({ level, index }) => new Option(`${levelName(level)} · ${bitRate(level.bitrate)}`, String(index))),
  );
  menu.addEventListener('change', () => {
    hls.nextLevel = Number(menu.value);
  });
  element('quality-choice').hidden = hls.levels.length < 2;
}

function showFacts(video, hls) {
  const hasPicture = video.videoWidth > 0;
  element('resolution').textContent = hasPicture ? `${video.videoWidth} × ${video.videoHeight}` : '–';
  const level = hls?.levels[hls.currentLevel];
  if (!level) {
    return;
  }
  element('rendition').textContent = levelName({ width: video.videoWidth, height: video.videoHeight });
  element('bitrate').textContent = bitRate(level.averageBitrate);
  const isLive = Boolean(level.details?.live);
  element('latency-fact').hidden = !isLive;
  element('latency').textContent = `${hls.latency.toFixed(1)} s`;
  element('quality').options[0].text = hls.autoLevelEnabled ? `Auto (${levelName(level)})` : 'Auto';
}

/** Named by the short side, as the field does: 720p is 1280 × 720, and 720 × 1280 on a phone held upright. */
function levelName({ width, height }) {
  return width && height ? `${Math.min(width, height)}p` : 'Audio';
}

function bitRate(bitsPerSecond) {
  if (!bitsPerSecond) {
    return '–';
  }
  return bitsPerSecond >= 1e6 ? `${(bitsPerSecond / 1e6).toFixed(1)} Mb/s` : `${Math.round(bitsPerSecond / 1e3)} kb/s`;
}

main();
