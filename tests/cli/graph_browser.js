// graph_browser.js - added to a page by graph_browser.sh: measures it, and writes the figures to the element body.
addEventListener('error', e => { document.body.dataset.error = e.message; });
const worst = (n, work) => {
  let most = 0;
  for (let i = 0; i < n; i++) {
    const began = performance.now();
    work(i);
    scene.getBoundingClientRect(); // style and layout are part of the frame
    most = Math.max(most, performance.now() - began);
  }
  return Math.round(most);
};
const pan = () => { view.x -= 37; view.y -= 23; drawn = null; draw(); };
const figures = {loaded: +document.documentElement.dataset.loaded, operations: D.entries};
figures.shown = items.filter((x, i) => i && x.kind !== LANE && x.shown === i && !isOpen(i)).length;
figures.pan = worst(20, pan);
figures.place = worst(1, () => { for (const x of items) x.closed = false; place(); });
figures.all = items.filter((x, i) => i && x.kind === NODE && x.shown === i).length;
figures.panAll = 0;
for (let scale = 0.01; scale < 1.5; scale *= 1.6) {
  fitAll();
  view.x *= scale / view.scale;
  view.y *= scale / view.scale;
  view.scale = scale;
  figures.panAll = Math.max(figures.panAll, worst(8, pan));
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
