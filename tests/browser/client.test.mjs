// The client page's own logic, without a browser.

import assert from 'node:assert/strict';
import test from 'node:test';
import { posterUrl } from '../../deploy/client/poster.js';
import { blockedByBrowser, explain } from '../../deploy/client/problems.js';
import { streamUrl } from '../../deploy/client/stream-url.js';

const HTTP_PAGE = 'http://viewer.example:8080/player/?url=x';
const HTTPS_PAGE = 'https://viewer.example/?url=x';

for (const [given, page, expected] of [
  ['https://media.example/a/master.m3u8', HTTP_PAGE, 'https://media.example/a/master.m3u8'],
  ['192.0.2.7/hls/test.m3u8', HTTP_PAGE, 'http://192.0.2.7/hls/test.m3u8'],
  ['127.0.0.1:8080/hls/test.m3u8', HTTP_PAGE, 'http://127.0.0.1:8080/hls/test.m3u8'],
  ['localhost:8080/hls/test.m3u8', HTTP_PAGE, 'http://localhost:8080/hls/test.m3u8'],
  ['[::1]:8080/hls/test.m3u8', HTTP_PAGE, 'http://[::1]:8080/hls/test.m3u8'],
  ['media.example/hls/test.m3u8', HTTPS_PAGE, 'https://media.example/hls/test.m3u8'],
  ['media.example/hls/test.m3u8', 'file:///srv/index.html', 'http://media.example/hls/test.m3u8'],
  ['//media.example/x.m3u8', HTTPS_PAGE, 'https://media.example/x.m3u8'],
  ['/vod/live/test/master.m3u8', HTTP_PAGE, 'http://viewer.example:8080/vod/live/test/master.m3u8'],
  ['./x.m3u8', HTTP_PAGE, 'http://viewer.example:8080/player/x.m3u8'],
  ['  media.example/x.m3u8?key=a&b=c ', HTTP_PAGE, 'http://media.example/x.m3u8?key=a&b=c'],
]) {
  test(`?url=${given} on ${page} is ${expected}`, () => {
    assert.equal(streamUrl(given, page).href, expected);
  });
}

for (const given of ['ftp://media.example/x.m3u8', 'file:///etc/passwd', 'javascript:alert(1)', 'data:text/plain,x', 'http://', 'a b/c']) {
  test(`?url=${given} is refused`, () => {
    assert.throws(() => streamUrl(given, HTTP_PAGE), /is not an address that this page can play/);
  });
}

test('plain http under a page that came over https is explained, except on the viewer’s own machine', () => {
  assert.match(blockedByBrowser(new URL('http://media.example/x.m3u8'), HTTPS_PAGE), /over https/);
  assert.equal(blockedByBrowser(new URL('http://localhost:8080/x.m3u8'), HTTPS_PAGE), null);
  assert.equal(blockedByBrowser(new URL('https://media.example/x.m3u8'), HTTPS_PAGE), null);
  assert.equal(blockedByBrowser(new URL('http://media.example/x.m3u8'), HTTP_PAGE), null);
});

for (const [error, expected] of [
  [{ details: 'manifestLoadError', response: { code: 404 } }, /nothing at http:\/\/h\/x\.m3u8 \(404\)/],
  [{ details: 'fragLoadError', url: 'http://h/1.m4s', response: { code: 403 } }, /refuses http:\/\/h\/1\.m4s \(403\)/],
  [{ details: 'manifestLoadError', response: { code: 0 } }, /CORS/],
  [{ details: 'levelLoadTimeOut' }, /too long/],
  [{ details: 'manifestParsingError', reason: 'no EXTM3U delimiter' }, /not an HLS playlist.*no EXTM3U delimiter/],
  [{ details: 'manifestIncompatibleCodecsError' }, /codecs/],
  [{ details: 'playlistUnchangedError' }, /has stopped/],
  [{ details: 'internalException', error: new Error('boom') }, /internalException: boom/],
]) {
  test(`${error.details} ${error.response?.code ?? ''} is explained`, () => {
    assert.match(explain(error, new URL('http://h/x.m3u8')), expected);
  });
}

for (const [sessionData, expected] of [
  [{ 'com.rec2vod.poster': { VALUE: '1/ab/pictures/poster-0.jpg' } }, 'http://h/vod/1/ab/pictures/poster-0.jpg'],
  [{ 'com.rec2vod.poster': { VALUE: 'javascript:alert(1)' } }, null],
  [{ 'com.rec2vod.poster': { URI: 'poster.json' } }, null],
  [{ 'com.rec2vod.title': { VALUE: 'talk' } }, null],
  [null, null],
]) {
  test(`the poster of ${JSON.stringify(sessionData)} is ${expected}`, () => {
    assert.equal(posterUrl(sessionData, 'http://h/vod/master.m3u8'), expected);
  });
}
