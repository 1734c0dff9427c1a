// A recording plays in shaka-player: every level up and down, after seeks forward and back, and to its end.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { CHROMIUM, FLAGS, collectComplaints } from './browser.mjs';
import { Failure } from './failure.mjs';

const PLAYED_SECONDS = 1;
const END_TOLERANCE_SECONDS = 0.25;

/** Plays `wanted.url` on the page `wanted.page`; `wanted.expectedLevels` and `wanted.limitMs` as in play.mjs. */
export async function playInShaka(wanted) {
  if (!existsSync(CHROMIUM)) {
    throw new Failure(`${CHROMIUM} is missing: run deploy/setup browser`);
  }
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  try {
    const page = await browser.newPage();
    return await new ShakaPage(page, wanted, collectComplaints(page)).play();
  } finally {
    await browser.close();
  }
}

class ShakaPage {
  constructor(page, wanted, complaints) {
    this.page = page;
    this.wanted = wanted;
    this.complaints = complaints;
  }

  async play() {
    const address = new URL(this.wanted.page);
    address.searchParams.set('url', this.wanted.url);
    await this.page.goto(address.href, { timeout: this.wanted.limitMs });
    await this.until('shaka-player loads the presentation', () => window.page?.ready);
    const duration = await this.page.evaluate(() => window.page.video.duration);
    const heights = await this.heights();
    const piece = Math.min(PLAYED_SECONDS, duration / 4);
    const played = [];
    for (const height of [...heights, ...heights.slice(0, -1).reverse()]) {
      played.push(await this.playLevel(height, piece));
    }
    for (const position of [duration / 2, duration / 4]) {
      await this.seek(position);
      await this.playsTo(`goes on after a seek to ${position.toFixed(1)} s`, position + piece);
    }
    await this.seek(Math.max(0, duration - 2));
    await this.until('the end is reached', () => window.page.ended);
    const end = await this.page.evaluate(() => window.page.video.currentTime);
    if (Math.abs(end - duration) > END_TOLERANCE_SECONDS) {
      throw new Failure(`shaka-player ended at ${end} s, the duration is ${duration} s`);
    }
    await this.failOnComplaints();
    const version = await this.page.evaluate(() => window.shaka.Player.version);
    return { version, duration, end, played };
  }

  /** The heights of all levels, from the least to the largest. */
  async heights() {
    const heights = await this.page.evaluate(() => window.page.player.getVariantTracks().map(({ height }) => height ?? 0));
    const { expectedLevels } = this.wanted;
    if (expectedLevels !== null && heights.length !== expectedLevels) {
      throw new Failure(`${expectedLevels} levels were expected, shaka-player offers ${heights.length}`);
    }
    return [...heights].sort((a, b) => a - b);
  }

  async playLevel(height, piece) {
    await this.page.evaluate((wanted) => {
      const { player } = window.page;
      player.selectVariantTrack(player.getVariantTracks().find((track) => (track.height ?? 0) === wanted), true);
    }, height);
    await this.seek(0);
    const isShown = (wanted) => window.page.video.videoHeight === wanted && !window.page.video.seeking;
    await this.until(`shaka-player shows ${height} lines`, isShown, height);
    await this.playsTo(`plays ${height} lines`, piece);
    return height;
  }

  playsTo(what, time) {
    const isThere = (end) => !window.page.video.seeking && window.page.video.currentTime >= end;
    return this.until(`shaka-player ${what}`, isThere, time);
  }

  seek(position) {
    return this.page.evaluate((time) => {
      const { video } = window.page;
      window.page.ended = false;
      video.currentTime = time;
      video.play().catch(() => {});
    }, position);
  }

  async until(what, condition, argument) {
    const deadline = Date.now() + this.wanted.limitMs;
    while (!(await this.page.evaluate(condition, argument))) {
      await this.failOnComplaints();
      if (Date.now() > deadline) {
        throw new Failure(`within ${this.wanted.limitMs / 1000} s this did not happen: ${what}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async failOnComplaints() {
    const errors = await this.page.evaluate(() => window.page?.errors ?? []);
    if (errors.length > 0) {
      throw new Failure(`shaka-player reports: ${errors.join('; ')}`);
    }
    if (this.complaints.length > 0) {
      throw new Failure(`the browser complains: ${this.complaints.join('; ')}`);
    }
  }
}
