// Plays ?url= with shaka-player. What the test drives is window.page.

const video = document.getElementById('video');
const player = new window.shaka.Player();
const page = { player, video, ready: false, ended: false, errors: [] };
window.page = page;

const note = (error) => page.errors.push(`${error.category}.${error.code} ${JSON.stringify(error.data ?? error.message)}`);
player.addEventListener('error', (event) => note(event.detail));
video.addEventListener('ended', () => {
  page.ended = true;
});

try {
  await player.attach(video);
  // The test chooses the level.
  player.configure({ abr: { enabled: false } });
  await player.load(new URLSearchParams(location.search).get('url'));
  page.ready = true;
} catch (error) {
  note(error);
}
