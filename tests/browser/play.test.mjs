// play.mjs is what says that a presentation plays, so it must say no when one does not. Real Chromium, and HLS made by ffmpeg.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { serve } from './static-server.mjs';

const PLAY = fileURLToPath(new URL('play.mjs', import.meta.url));
const CLIENT = fileURLToPath(new URL('../../deploy/client', import.meta.url));

let folder;
let server;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rec2vod-play-'));
  cpSync(CLIENT, join(folder, 'page'), { recursive: true, filter: (path) => !path.includes('node_modules') });
  makeHls(join(folder, 'good'));
  server = await serve(folder);
});

after(() => {
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** 12 s in two video renditions and one of audio, segments of 2 s. */
function makeHls(directory) {
  execFileSync('mkdir', [directory]);
  const lavfi = (source) => ['-f', 'lavfi', '-i', source];
  execFileSync('ffmpeg', [
    '-v', 'error', '-nostdin', ...lavfi('testsrc=size=640x360:rate=30'), ...lavfi('sine=400'), '-t', '12',
    '-filter_complex', '[0:v]split[a][b];[b]scale=-2:180[c]', '-map', '[a]', '-map', '[c]', '-map', '1:a',
    '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-b:v:0', '600k', '-b:v:1', '200k',
    '-force_key_frames', 'expr:gte(t,n_forced*2)', '-c:a', 'aac',
    '-f', 'hls', '-hls_time', '2', '-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4',
    '-hls_segment_filename', 'v%v_%03d.m4s', '-hls_fmp4_init_filename', 'init_%v.mp4', '-master_pl_name', 'master.m3u8',
    '-var_stream_map', 'v:0,agroup:a v:1,agroup:a a:0,agroup:a', 'v%v.m3u8',
  ], { cwd: directory });
}

/** A copy of the good one, after `damage(path)` where path(name) is a file in it. Returns its name. */
function damaged(name, damage) {
  const directory = join(folder, name);
  cpSync(join(folder, 'good'), directory, { recursive: true });
  damage((file) => join(directory, file));
  return name;
}

function edit(path, change) {
  const before = readFileSync(path, 'utf8');
  const changed = change(before);
  assert.notEqual(changed, before, `the edit of ${path} changes nothing`);
  writeFileSync(path, changed);
}

function play(name, ...options) {
  const address = `127.0.0.1:${server.address().port}`;
  const args = [PLAY, '--page', `http://${address}/page/`, '--url', `${address}/${name}/master.m3u8`, '--timeout', '15', ...options];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 120_000 }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}

async function fails(expected, name, ...options) {
  const { code, stdout, stderr } = await play(name, ...options);
  assert.match(stderr, expected);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
}

test('a good presentation plays on all levels to its end', async () => {
  const { code, stdout, stderr } = await play('good', '--expect-levels', '2');
  assert.equal(code, 0, stderr);
  const seen = JSON.parse(stdout);
  // One level is left by switching up, and come back to by switching down.
  assert.equal(seen.played.length, 3);
  assert.equal(seen.played[0], seen.played[2]);
  assert.deepEqual(new Set(seen.played), new Set(['320x180', '640x360']));
  assert.ok(Math.abs(seen.duration - 12) < 0.1, `duration ${seen.duration}`);
});

test('a missing level fails', () => fails(/3 levels were expected, the page offers 2/, 'good', '--expect-levels', '3'));

test('audio that should not be there fails', () => fails(/audio was decoded though/, 'good', '--no-audio'));

test('a missing segment fails', () =>
  fails(/HTTP 404 .*v0_003\.m4s/, damaged('missing-segment', (path) => rmSync(path('v0_003.m4s')))));

test('a recording without an end fails', () =>
  fails(/the recording has no end/, damaged('no-end', (path) => {
    for (const playlist of ['v0.m3u8', 'v1.m3u8', 'v2.m3u8']) {
      edit(path(playlist), (text) => text.replace('#EXT-X-ENDLIST', '').replace('#EXT-X-PLAYLIST-TYPE:VOD\n', ''));
    }
  })));

test('a hole in the media fails', () =>
  fails(/bufferSeekOverHole|playback goes on after a seek|playback ended at/, damaged('hole', (path) => {
    for (const level of ['v0', 'v1']) {
      writeFileSync(path(`${level}_003.m4s`), readFileSync(path(`${level}_002.m4s`)));
    }
  })));

test('a level that is not what the master says fails', () =>
  fails(/level \d \(320x180.*plays for/, damaged('wrong-level', (path) =>
    edit(path('master.m3u8'), (text) => text.replace('v1.m3u8', 'v0.m3u8')))));

test('what is no playlist fails with the page’s own words', () =>
  fails(/the page shows a problem: .* is not an HLS playlist/, damaged('no-playlist', (path) => writeFileSync(path('master.m3u8'), 'hello'))));

test('a live stream that does not exist fails', () =>
  fails(/no live playlist at .*HTTP 404/, 'nowhere', '--live', '--timeout', '1'));
