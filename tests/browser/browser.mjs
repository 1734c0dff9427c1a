// Chromium with the client page in it, and what the browser had to complain about meanwhile.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Failure } from './failure.mjs';

export const CHROMIUM = '/usr/bin/chromium';
export const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];

/**
 * Opens the client page on `wanted.url` in a browser with a fresh profile, runs `check(player, wanted)` and returns its result.
 * Whatever the check says, a complaint of the page or of the browser's console is a failure.
 */
export async function openPage(wanted, check) {
  if (!existsSync(CHROMIUM)) {
    throw new Failure(`${CHROMIUM} is missing: run deploy/setup browser`);
  }
  // Playwright gives every launch a profile directory of its own and deletes it.
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const complaints = collectComplaints(page);
    const player = new Player(page, wanted, complaints);
    const seen = await check(player, wanted);
    if (wanted.screenshot) {
      await page.screenshot({ path: wanted.screenshot });
    }
    await player.failOnComplaints();
    return { ...seen, chromium: browser.version() };
  } finally {
    await browser.close();
  }
}

/** Gathers what the page and its console have to complain about, and answers of servers that are errors. */
export function collectComplaints(page) {
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') {
      complaints.push(`console: ${message.text()} (${message.location().url})`);
    }
  });
  page.on('pageerror', (error) => complaints.push(`exception in the page: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) {
      complaints.push(`HTTP ${response.status()} for ${response.url()}`);
    }
  });
  return complaints;
}

/** The client page while it plays. */
class Player {
  constructor(page, wanted, complaints) {
    this.page = page;
    this.wanted = wanted;
    this.complaints = complaints;
  }

  /** Opens the page and waits until it has a player and the stream's levels are known. */
  async open() {
    const address = new URL(this.wanted.page);
    address.searchParams.set('url', this.wanted.url);
    try {
      await this.page.goto(address.href, { timeout: this.wanted.limitMs });
    } catch (error) {
      throw new Failure(`the page ${address} does not open: ${error.message.split('\n')[0]}`);
    }
    await this.until('the page reads the playlist', () => window.rec2vod?.hls?.levels.length > 0);
    await this.evaluate(recordHlsEvents);
  }

  /** Waits until `condition(argument)`, run in the page, is true; `what` completes "... did not happen". */
  async until(what, condition, argument) {
    const deadline = Date.now() + this.wanted.limitMs;
    while (!(await this.evaluate(condition, argument))) {
      await this.failOnComplaints();
      if (Date.now() > deadline) {
        const state = JSON.stringify(await this.evaluate(describe));
        throw new Failure(`within ${this.wanted.limitMs / 1000} s this did not happen: ${what}; the player: ${state}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Runs `action(argument)` in the page. Playwright itself would wait for its result for ever. */
  async evaluate(action, argument) {
    let timer;
    const late = new Promise((_resolve, reject) => {
      timer = setTimeout(() => reject(new Failure('the page does not answer')), this.wanted.limitMs);
    });
    try {
      return await Promise.race([this.page.evaluate(action, argument), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async failOnComplaints() {
    const problem = await this.evaluate(() => {
      const box = document.getElementById('problem');
      return box && !box.hidden ? document.getElementById('message').textContent : null;
    });
    if (problem) {
      throw new Failure(`the page shows a problem: ${problem}`);
    }
    if (this.complaints.length > 0) {
      throw new Failure(`the browser complains: ${this.complaints.join('; ')}`);
    }
  }

  /** Fails unless the stream offers as many levels as it should. Returns them. */
  async levels() {
    const levels = await this.evaluate(() =>
      window.rec2vod.hls.levels.map(({ width, height, bitrate, codecs, frameRate }) => ({ width, height, bitrate, codecs, frameRate })),
    );
    const { expectedLevels } = this.wanted;
    if (expectedLevels !== null && levels.length !== expectedLevels) {
      throw new Failure(`${expectedLevels} levels were expected, the page offers ${levels.length}: ${JSON.stringify(levels)}`);
    }
    return levels;
  }

  /** All that hls.js has reported, fatal or not. */
  hlsErrors() {
    return this.evaluate(() => window.seen.hlsErrors);
  }

  /** Fails unless audio and video were decoded, each where it should be. Returns the decoded bytes and dropped frames. */
  async decoded() {
    const decoded = await this.evaluate(() => {
      const { video } = window.rec2vod;
      return {
        audioBytes: video.webkitAudioDecodedByteCount,
        videoBytes: video.webkitVideoDecodedByteCount,
        frames: video.getVideoPlaybackQuality().totalVideoFrames,
        droppedFrames: video.getVideoPlaybackQuality().droppedVideoFrames,
      };
    });
    for (const [kind, expected, bytes] of [
      ['audio', this.wanted.hasAudio, decoded.audioBytes],
      ['video', this.wanted.hasVideo, decoded.videoBytes],
    ]) {
      if (expected !== bytes > 0) {
        throw new Failure(expected ? `no ${kind} was decoded` : `${kind} was decoded though there should be none`);
      }
    }
    return decoded;
  }
}

// Run in the page.

function recordHlsEvents() {
  const { hls, video } = window.rec2vod;
  window.seen = { switches: hls.currentLevel < 0 ? [] : [hls.currentLevel], hlsErrors: [], ended: false };
  hls.on('hlsLevelSwitched', (_event, { level }) => window.seen.switches.push(level));
  hls.on('hlsError', (_event, { type, details, fatal }) => window.seen.hlsErrors.push({ type, details, fatal }));
  video.addEventListener('ended', () => {
    window.seen.ended = true;
  });
}

function describe() {
  if (!window.rec2vod) {
    return { page: document.title };
  }
  const { hls, video } = window.rec2vod;
  const buffered = Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
  return {
    time: video.currentTime,
    duration: video.duration,
    size: `${video.videoWidth}x${video.videoHeight}`,
    level: hls?.currentLevel,
    paused: video.paused,
    readyState: video.readyState,
    buffered,
    ...window.seen,
  };
}
