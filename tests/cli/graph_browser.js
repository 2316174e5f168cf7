// graph_browser.js - added to a page by graph_browser.sh: measures it, and writes the figures to the element body.
addEventListener('error', e => { document.body.dataset.error = e.message; });
// Milliseconds of the median and of the longest of n frames.
const frames = (n, work) => {
  const took = [];
  for (let i = 0; i < n; i++) {
    const began = performance.now();
    work(i);
    scene.getBoundingClientRect(); // style and layout are part of the frame
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  return [Math.round(took[n >> 1]), Math.round(took[n - 1])];
};
const pan = () => { view.x -= 37; view.y -= 23; frame(); };
const figures = {loaded: +document.documentElement.dataset.loaded, operations: D.entries};
figures.shown = items.filter((x, i) => i && x.kind !== LANE && x.shown === i && !isOpen(i)).length;
const layer = items.findIndex(x => x.block), within = i => items.some((x, k) => x.parent === i && x.shown === k);
if (layer > 0) {
  const closed = items[layer].closed && !within(layer);
  toggle(layer);
  figures.opens = closed && within(layer);
  $('layers').onclick();
  figures.opens = figures.opens && items[layer].closed && !within(layer);
} else {
  figures.opens = !told;
}
[figures.median, figures.longest] = frames(60, pan);
figures.place = frames(1, () => { for (const x of items) x.closed = false; place(); })[0];
figures.all = items.filter((x, i) => i && x.kind === NODE && x.shown === i).length;
Object.assign(figures, {medianAll: 0, longestAll: 0, drawn: 0});
const middle = items.find((x, i) => i && x.kind === LANE);
for (let scale = 0.02; scale < 1.5; scale *= 1.6) {
  view.scale = scale;
  view.x = 400 - (middle.x + middle.w / 2) * scale;
  view.y = 400 - (middle.y + middle.h / 2) * scale;
  drawn = null;
  const [median, longest] = frames(30, pan);
  figures.medianAll = Math.max(figures.medianAll, median);
  figures.longestAll = Math.max(figures.longestAll, longest);
  figures.drawn = Math.max(figures.drawn, drawn.count);
}
const box = items.findIndex(x => x.kind === BOX);
if (box > 0) {
  toggle(box);
  figures.closes = items[box].closed && items.every((x, i) => x.parent !== box || x.shown !== i);
  toggle(box);
}
$('search').value = '%1';
search();
figures.finds = matches.length === 1 && items[matches[0]].id === 1 && focus === matches[0];
const weight = $('weight').options[1];
if (weight) light(+weight.value);
figures.lights = !weight || (lit.size > 2 && lit.size < items.length);
document.body.dataset.figures = JSON.stringify(figures);
