// The picture that a recording shows before it plays.

const POSTER = 'com.rec2vod.poster';

/** The poster that the session data of the multivariant playlist at `url` names, as hls.js reads them, or null. */
export function posterUrl(sessionData, url) {
  const named = sessionData?.[POSTER]?.VALUE;
  if (!named || !URL.canParse(named, url)) {
    return null;
  }
  const poster = new URL(named, url);
  return ['http:', 'https:'].includes(poster.protocol) ? poster.href : null;
}
