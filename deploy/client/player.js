// Plays one HLS address in a video element: through hls.js where Media Source Extensions exist, else by the browser itself.

import Hls from './vendor/hls.mjs';
import { posterUrl } from './poster.js';
import { explain } from './problems.js';

/**
 * Starts playing `url` in `video` and returns the Hls instance, or null where the browser plays HLS itself.
 * `onFatal` is called with a sentence when playback cannot go on.
 */
export function play(video, url, onFatal) {
  if (Hls.isSupported()) {
    return playWithHlsJs(video, url, onFatal);
  }
  if (video.canPlayType('application/vnd.apple.mpegurl')) {
    playNatively(video, url, onFatal);
    return null;
  }
  onFatal('This browser cannot play HLS: it has neither Media Source Extensions nor HLS of its own.');
  return null;
}

function playWithHlsJs(video, url, onFatal) {
  const hls = new Hls({ workerPath: new URL('./vendor/hls.worker.js', import.meta.url).href });
  let recovered = false;
  hls.on(Hls.Events.ERROR, (_event, error) => {
    if (!error.fatal) {
      return;
    }
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && !recovered) {
      recovered = true;
      hls.recoverMediaError();
      return;
    }
    hls.stopLoad();
    onFatal(explain(error, url));
  });
  hls.on(Hls.Events.MANIFEST_LOADED, (_event, { sessionData, url: loaded }) => {
    const poster = posterUrl(sessionData, loaded);
    if (poster) {
      video.poster = poster;
    }
  });
  hls.on(Hls.Events.MANIFEST_PARSED, () => start(video));
  hls.loadSource(url.href);
  hls.attachMedia(video);
  return hls;
}

function playNatively(video, url, onFatal) {
  video.addEventListener('error', () => {
    onFatal(`The browser cannot play ${url}: ${video.error?.message || 'it gives no reason'}.`);
  });
  video.src = url.href;
  start(video);
}

function start(video) {
  // Refused where the browser wants a click first; the video's own play button is there for that.
  video.play().catch(() => {});
}
