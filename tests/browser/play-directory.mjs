// Plays a published directory in Chromium, with hls.js through the client page and with shaka-player:
//   node play-directory.mjs hls.js|shaka DIRECTORY LEVELS
// Prints one line of JSON with what was seen; exit code 0, 1 (with a sentence on stderr) or 2 (usage).

import { fileURLToPath } from 'node:url';
import { openPage } from './browser.mjs';
import { Failure } from './failure.mjs';
import { playInShaka } from './shaka.mjs';
import { serve } from './static-server.mjs';
import { checkVod } from './vod.mjs';

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));
const LIMIT_MS = 60_000;

async function main([player, directory, levels]) {
  const count = Number(levels);
  if (!['hls.js', 'shaka'].includes(player) || !directory || !(count > 0)) {
    console.error('usage: node play-directory.mjs hls.js|shaka DIRECTORY LEVELS');
    return 2;
  }
  const server = await serve(folder('../../deploy/client'), {
    vod: directory,
    shaka: folder('shaka'),
    'shaka-player': folder('node_modules/shaka-player/dist'),
  });
  const address = `http://127.0.0.1:${server.address().port}`;
  const wanted = {
    page: player === 'shaka' ? `${address}/shaka/` : `${address}/`,
    url: `${address}/vod/master.m3u8`,
    expectedLevels: count,
    hasVideo: true,
    hasAudio: true,
    limitMs: LIMIT_MS,
  };
  try {
    const seen = player === 'shaka' ? await playInShaka(wanted) : await openPage(wanted, checkVod);
    console.log(JSON.stringify({ player, ...seen }));
    return 0;
  } catch (error) {
    console.error(`play-directory: ${error instanceof Failure ? error.message : error.stack}`);
    return 1;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

process.exitCode = await main(process.argv.slice(2));
