// What hls.js reports, in words for a viewer.

/** One or two sentences for a fatal error of hls.js at `url`. */
export function explain(error, url) {
  switch (error.details) {
    case 'manifestLoadError':
    case 'manifestLoadTimeOut':
    case 'levelLoadError':
    case 'levelLoadTimeOut':
    case 'audioTrackLoadError':
    case 'audioTrackLoadTimeOut':
    case 'fragLoadError':
    case 'fragLoadTimeOut':
      return unreachable(error, url);
    case 'manifestParsingError':
    case 'levelParsingError':
    case 'levelEmptyError':
      return `${url} is not an HLS playlist that can be played: ${error.reason ?? error.error?.message ?? 'it has no media'}.`;
    case 'manifestIncompatibleCodecsError':
    case 'bufferAddCodecError':
    case 'bufferIncompatibleCodecsError':
      return 'This browser cannot decode the codecs of this stream. Another browser may.';
    case 'playlistUnchangedError':
      return 'The live stream has stopped: its playlist no longer changes.';
    default:
      return `Playback failed (${error.details}${error.error ? `: ${error.error.message}` : ''}).`;
  }
}

function unreachable(error, url) {
  const what = error.url ?? String(url);
  const status = error.response?.code ?? 0;
  if (status === 404) {
    return `There is nothing at ${what} (404). If it is a live stream, it may not have started yet.`;
  }
  if (status >= 400) {
    return `The server refuses ${what} (${status}).`;
  }
  if (error.details.endsWith('TimeOut')) {
    return `The server takes too long to answer for ${what}.`;
  }
  // A browser does not tell a page why: a server that is down and one that forbids reading look the same.
  return `${what} cannot be read. Its server is not reachable, or it does not allow other pages to read it (CORS).`;
}

/** Why the browser would refuse to load `url` from `page` without asking its server, or null. */
export function blockedByBrowser(url, page) {
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (new URL(page).protocol === 'https:' && url.protocol === 'http:' && !isLocal) {
    return `This page came over https, so the browser refuses ${url}, which is plain http. Open the page over http, or the stream over https.`;
  }
  return null;
}
