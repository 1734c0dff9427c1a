// Plays an HLS stream in Chromium through the client page and fails if it does not play as it should.
// Prints one line of JSON with what was seen; exit code 0, 1 (with a sentence on stderr) or 2 (usage).

import { parseArgs } from 'node:util';
import { openPage } from './browser.mjs';
import { Failure } from './failure.mjs';
import { checkLive } from './live.mjs';
import { checkVod } from './vod.mjs';

const USAGE = `usage: node play.mjs --page URL --url HLS [options]

  --page URL           the client page
  --url HLS            what it shall play, as in the page's ?url=
  --live               a live stream: wait for its playlist, then play it for some seconds
                       (else a recording: play every level, seek, reach the end)
  --expect-levels N    fail unless the page offers N levels
  --audio-only         the stream has no video
  --no-audio           the stream has no audio
  --screenshot FILE    save what the page looked like while it played (PNG)
  --timeout SECONDS    time limit of each step (30)`;

const OPTIONS = {
  page: { type: 'string' },
  url: { type: 'string' },
  live: { type: 'boolean', default: false },
  'expect-levels': { type: 'string' },
  'audio-only': { type: 'boolean', default: false },
  'no-audio': { type: 'boolean', default: false },
  screenshot: { type: 'string' },
  timeout: { type: 'string', default: '30' },
  help: { type: 'boolean', short: 'h', default: false },
};

function wishes() {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const expectedLevels = values['expect-levels'] === undefined ? null : Number(values['expect-levels']);
  const limitMs = Number(values.timeout) * 1000;
  if (!values.page || !values.url || Number.isNaN(expectedLevels) || !(limitMs > 0)) {
    throw new TypeError('--page and --url are needed, and numbers must be numbers');
  }
  return {
    page: values.page,
    url: values.url,
    live: values.live,
    expectedLevels,
    hasVideo: !values['audio-only'],
    hasAudio: !values['no-audio'],
    screenshot: values.screenshot,
    limitMs,
  };
}

async function main() {
  let wanted;
  try {
    wanted = wishes();
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  try {
    const seen = await openPage(wanted, wanted.live ? checkLive : checkVod);
    console.log(JSON.stringify({ url: wanted.url, live: wanted.live, ...seen }));
    return 0;
  } catch (error) {
    console.error(`play: ${error instanceof Failure ? error.message : error.stack}`);
    return 1;
  }
}

process.exitCode = await main();
