// page.js - draws what page_place.js has placed, and lets the reader move, search, open and close boxes.
'use strict';

// ---- Drawing -----------------------------------------------------------------------------------------------------

const $ = id => document.getElementById(id), svg = $('picture'), scene = $('scene');
const view = {x: 0, y: 0, scale: 1};
let drawn = null, focus = 0, lit = null, hits = new Set();
function element(name, attributes, text) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const key in attributes) e.setAttribute(key, attributes[key]);
  if (text !== undefined) e.textContent = text;
  return e;
}
// A wire that turns back, at v: away from where it goes, at z, or where it comes from.
const turn = (v, z, before) => CHANNEL * Math.sign(z === v ? v - before : v - z);
function curve(points) {
  let d = '';
  points.forEach(([x, y], i) => {
    if (!i) { d = `M${x.toFixed(1)} ${y.toFixed(1)}`; return; }
    const [u, v] = points[i - 1], z = i + 1 < points.length ? points[i + 1][1] : y, m = ((v + y) / 2 + (v === y && u !== x ? turn(v, z, i > 1 ? points[i - 2][1] : v) : 0)).toFixed(1);
    d += u === x ? `V${y.toFixed(1)}` : `C${u.toFixed(1)} ${m} ${x.toFixed(1)} ${m} ${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return d;
}
function across(w) { // from the side of one item to the nearer side of the other
  const a = items[w.a], b = items[w.b], right = a.x + a.w / 2 < b.x + b.w / 2;
  const x = a.x + (right ? a.w : 0), y = a.y + a.h / 2, u = b.x + (right ? 0 : b.w), v = b.y + b.h / 2;
  const bend = Math.max(40, Math.abs(u - x) / 2) * (right ? 1 : -1);
  return `M${x} ${y}C${x + bend} ${y} ${u - bend} ${v} ${u} ${v}`;
}
// Beside the end of a wire: the name and shape of its value, once for each value, or else what plumbing does on it.
function label(w, labels, ends) {
  const ofStep = ofLayers(w.a, w.b), text = ofStep ? told.get(pair(w.a, w.b)) : w.a === w.from || w.b === w.to ? w.mark : '';
  if (!text || labels.get(w.a) === text) return [];
  const first = ofStep && !labels.has(w.a), p = w.points, at = first ? p[0] : p[p.length - 1];
  const below = first !== items[items[w.a].lane].up, k = first ? 0 : ends.get(w.b) || 0;
  if (first) labels.set(w.a, text); else ends.set(w.b, k + 1);
  return [element('text', {class: 'told', x: at[0] + 5, y: at[1] + (below ? 10 + 10 * k : -5 - 10 * k)}, text)];
}
const LEGIBLE = 0.22;
const dims = i => lit && !lit.has(i);
function drawItem(i, s) {
  const x = items[i], open = isOpen(i), box = x.kind === BOX, sub = box && !x.sub ? `${x.count} nodes` : x.sub;
  const g = element('g', {class: `${open ? 'box' : 'node'} look${x.look} order${Math.min(x.order, 2)}` +
    (box && !open ? ' closed' : '') + (x.info.output ? ' output' : '') + (dims(i) ? ' dim' : '') +
    (hits.has(i) ? ' hit' : '') + (focus === i ? ' focus' : ''), 'data-item': i, transform: `translate(${x.x} ${x.y})`});
  if (box && !open) g.append(element('rect', {class: 'behind', x: 3, y: 3, width: x.w, height: x.h, rx: 6}));
  g.append(element('rect', {width: x.w, height: x.h, rx: box && open ? 10 : x.look === 2 ? x.h / 2 : 6}));
  g.setAttribute('tabindex', 0);
  g.setAttribute('role', box ? 'button' : 'img');
  if (box) g.setAttribute('aria-expanded', open);
  g.setAttribute('aria-label', `${x.name} ${sub}`);
  if (s >= LEGIBLE && !open) {
    g.append(element('text', {class: 'name', x: x.w / 2, y: sub ? 16 : x.h / 2 + 4}, (box ? '\u25b8 ' : '') + x.name));
    if (sub) sub.split('\n').forEach((line, k) => g.append(element('text', {class: 'sub', x: x.w / 2, y: 30 + 14 * k}, line)));
  }
  return g;
}
function draw() { // what is near the window, and not too small to be seen
  const box = svg.getBoundingClientRect(), s = view.scale;
  const near = {l: (-view.x - box.width / 4) / s, t: (-view.y - box.height / 4) / s,
    r: (-view.x + 1.25 * box.width) / s, b: (-view.y + 1.25 * box.height) / s};
  const inside = (l, t, r, b) => r >= near.l && l <= near.r && b >= near.t && t <= near.b;
  const behind = document.createDocumentFragment(), lines = document.createDocumentFragment(), front = document.createDocumentFragment();
  let count = 0;
  items.forEach((x, i) => {
    if (!i || x.shown !== i || x.hidden || x.w * s < (isOpen(i) ? 2 : 9) || !inside(x.x, x.y, x.x + x.w, x.y + x.h)) return;
    if (x.kind === LANE) {
      behind.append(element('text', {class: 'lane', x: x.x + PAD, y: x.y - 8}, x.name));
      return;
    }
    count++;
    (isOpen(i) ? behind : front).append(drawItem(i, s));
    if (isOpen(i) && s >= LEGIBLE) // in front of the wires
      front.append(element('text', {class: `title order${Math.min(2, x.order)}`, x: x.x + PAD, y: x.y + 15}, `\u25be ${x.name}`));
  });
  const labels = new Map(), ends = new Map();
  for (const w of wires) {
    const touches = focus && (w.a === focus || w.b === focus);
    if (!w.shown || (w.over && !touches && !$('kept').checked)) continue;
    const p = w.points, a = items[w.a], b = items[w.b];
    if (a.w * s < 9 || b.w * s < 9 || (!w.over && !p.length)) continue;
    const l = Math.min(a.x, b.x), r = Math.max(a.x + a.w, b.x + b.w), t = Math.min(a.y, b.y), u = Math.max(a.y + a.h, b.y + b.h);
    if (!inside(l, t, r, u)) continue;
    const order = Math.min(2, Math.max(a.order, b.order));
    const path = element('path', {d: w.over ? across(w) : curve(p), 'marker-end': `url(#arrow${order})`,
      class: `wire order${order}` + (w.over ? w.effect ? ' effect' : ' kept' : '') +
        (touches || (lit && lit.has(w.a) && lit.has(w.b) && !w.over) ? ' near' : '') + (dims(w.a) || dims(w.b) ? ' dim' : '')});
    path.append(element('title', {}, `${nameOf(w.from)}: ${items[w.from].info.shape || ''}`));
    lines.append(path);
    if (s >= 0.5 && !w.over) front.append(...label(w, labels, ends));
  }
  scene.replaceChildren(behind, lines, front);
  drawn = {...near, s, count};
  $('count').textContent = `${items.filter((x, i) => i && x.kind !== LANE && x.shown === i && !isOpen(i) && !items[x.lane].hidden).length} nodes shown, ${D.entries} operations`;
}
let waiting = false;
function show() { // at most once a frame; what was drawn is moved, and drawn again only where that does not suffice
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; frame(); });
}
function frame() {
  scene.setAttribute('transform', `translate(${view.x} ${view.y}) scale(${view.scale})`);
  const box = svg.getBoundingClientRect(), s = view.scale;
  if (!drawn || drawn.s / s > 1.5 || s / drawn.s > 1.5 || -view.x / s < drawn.l || -view.y / s < drawn.t ||
      (box.width - view.x) / s > drawn.r || (box.height - view.y) / s > drawn.b) draw();
}
function redraw() { drawn = null; show(); }

// ---- Moving ------------------------------------------------------------------------------------------------------

function zoom(by, x, y) {
  const box = svg.getBoundingClientRect();
  if (x === undefined) [x, y] = [box.width / 2, box.height / 2];
  const scale = Math.min(4, Math.max(0.005, view.scale * by));
  view.x = x - (x - view.x) * scale / view.scale;
  view.y = y - (y - view.y) * scale / view.scale;
  view.scale = scale;
  show();
}
function fitAll(least = 0, instead = 0) { // if all would be smaller than `least`: the upper left part, by this scale
  const box = svg.getBoundingClientRect(), lanes = items.filter((l, i) => i && l.kind === LANE && !l.hidden);
  const w = Math.max(1, ...lanes.map(l => l.x + l.w)), h = Math.max(1, ...lanes.map(l => l.y + l.h));
  view.scale = Math.min(1.25, (box.width - 40) / w, (box.height - 60) / h);
  if (view.scale < least) view.scale = instead;
  view.x = Math.max(20, (box.width - w * view.scale) / 2);
  view.y = Math.max(40 - (lanes.length && view.scale === instead ? lanes[0].y * instead : 0), (box.height - h * view.scale) / 2);
  redraw();
}
function centre(i, scale = Math.max(view.scale, 0.8)) {
  const box = svg.getBoundingClientRect(), x = items[i];
  view.scale = scale;
  view.x = box.width / 2 - (x.x + x.w / 2) * scale;
  view.y = box.height / 2 - (x.y + x.h / 2) * scale;
  redraw();
}
function reveal(i) {
  let moved = false;
  for (let k = items[i].parent; k; k = items[k].parent) {
    moved = moved || items[k].closed || items[k].hidden;
    items[k].closed = items[k].hidden = false;
  }
  if (moved) place();
}
function toggle(i) { // what was clicked stays where it is
  const x = items[i], before = [x.x + x.w / 2, x.y];
  x.closed = !x.closed;
  place();
  view.x += (before[0] - x.x - x.w / 2) * view.scale;
  view.y += (before[1] - x.y) * view.scale;
  redraw();
}
const pointers = new Map();
let travelled = 0;
svg.addEventListener('pointerdown', e => { pointers.set(e.pointerId, [e.clientX, e.clientY]); travelled = 0; });
svg.addEventListener('pointermove', e => {
  const before = pointers.get(e.pointerId);
  if (!before) { hover(e); return; }
  const distance = () => { const [a, b] = [...pointers.values()]; return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0; };
  const old = distance();
  pointers.set(e.pointerId, [e.clientX, e.clientY]);
  travelled += Math.abs(e.clientX - before[0]) + Math.abs(e.clientY - before[1]);
  if (travelled > 4 && !svg.hasPointerCapture(e.pointerId)) svg.setPointerCapture(e.pointerId);
  view.x += (e.clientX - before[0]) / pointers.size;
  view.y += (e.clientY - before[1]) / pointers.size;
  if (old) {
    const box = svg.getBoundingClientRect(), [a, b] = [...pointers.values()];
    zoom(distance() / old, (a[0] + b[0]) / 2 - box.left, (a[1] + b[1]) / 2 - box.top);
  }
  show();
});
for (const end of ['pointerup', 'pointercancel']) svg.addEventListener(end, e => pointers.delete(e.pointerId));
svg.addEventListener('wheel', e => {
  const box = svg.getBoundingClientRect();
  e.preventDefault();
  zoom(Math.exp(-e.deltaY * (e.ctrlKey ? 0.01 : 0.0015)), e.clientX - box.left, e.clientY - box.top);
}, {passive: false});

// ---- What a node is ----------------------------------------------------------------------------------------------

const itemOf = target => { const g = target.closest && target.closest('[data-item]'); return g ? +g.dataset.item : 0; };
const nameOf = i => (items[i].id ? `%${items[i].id} ` : '') + items[i].name;
function list(title, of) {
  if (!of.length) return [];
  const term = document.createElement('dt'), to = document.createElement('dd');
  term.textContent = title;
  [...new Set(of)].slice(0, 24).forEach(i => {
    const b = document.createElement('button');
    b.textContent = nameOf(i);
    b.onclick = () => { reveal(i); choose(i); centre(i); };
    to.append(b, ' ');
  });
  if (of.length > 24) to.append(`and ${of.length - 24} more`);
  return [term, to];
}
function describe(i) {
  const x = items[i], out = [];
  const line = (title, text) => {
    if (text === undefined || text === '') return;
    const term = document.createElement('dt'), value = document.createElement('dd');
    term.textContent = title;
    value.textContent = text;
    out.push(term, value);
  };
  $('what').textContent = i ? nameOf(i) : 'Nothing chosen';
  if (i) {
    line('operation', x.info.op);
    line('formula', x.info.formula);
    line('shape', x.info.shape);
    line('bytes', x.info.bytes);
    line('time', x.info.time);
    line('scope', x.info.scope);
    line('output', x.info.output);
    line('contains', x.kind === NODE ? '' : `${x.count} nodes`);
    out.push(...list('operands', x.ins), ...list('readers', x.outs));
  }
  $('facts').replaceChildren(...out);
}
let chosen = 0;
function look(i) {
  if (focus === i) return;
  focus = i;
  describe(i);
  redraw();
}
function hover(e) { const i = itemOf(e.target); if (i && items[i].kind === NODE) look(i); else if (!i) look(chosen); }
function choose(i) { chosen = i; look(i); }
svg.addEventListener('click', e => {
  const i = itemOf(e.target);
  if (travelled > 4) return;
  if (i && items[i].kind === BOX) toggle(i); else choose(i);
});
svg.addEventListener('focusin', e => { const i = itemOf(e.target); if (i && e.target.matches(':focus-visible')) choose(i); });
svg.addEventListener('keydown', e => {
  const i = itemOf(e.target) || chosen, step = 60;
  const moves = {ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step]};
  if (moves[e.key]) { view.x += moves[e.key][0]; view.y += moves[e.key][1]; show(); }
  else if (e.key === '+' || e.key === '=') zoom(1.25);
  else if (e.key === '-') zoom(0.8);
  else if (e.key === '0') fitAll();
  else if ((e.key === 'Enter' || e.key === ' ') && i && items[i].kind === BOX) toggle(i);
  else return;
  e.preventDefault();
});

// ---- Controls ----------------------------------------------------------------------------------------------------

let matches = [], at = 0;
function search() {
  const text = $('search').value.trim().toLowerCase();
  matches = [];
  if (text) items.forEach((x, i) => {
    if (!i || x.kind === LANE) return;
    const number = text[0] === '%' && `%${x.id}` === text;
    const words = `${x.name} ${x.sub} ${x.info.op || ''} ${x.info.scope || ''} ${x.info.output || ''}`.toLowerCase();
    if (number || (text[0] !== '%' && words.includes(text))) matches.push(i);
  });
  at = 0;
  hits = new Set(matches);
  $('found').textContent = text ? `${matches.length} found` : '';
  if (matches.length) goTo(); else redraw();
}
function goTo() {
  const i = matches[at % matches.length];
  reveal(i);
  choose(i);
  centre(i);
  $('found').textContent = `${at % matches.length + 1} of ${matches.length}`;
}
$('search').addEventListener('input', search);
$('search').addEventListener('keydown', e => { if (e.key === 'Enter' && matches.length) { at += e.shiftKey ? matches.length - 1 : 1; goTo(); } });
$('in').onclick = () => zoom(1.25);
$('out').onclick = () => zoom(0.8);
$('fit').onclick = () => fitAll();
$('open').onclick = () => { items.forEach(x => { x.closed = false; }); place(); fitAll(); };
$('layers').hidden = !told;
$('layers').onclick = () => { items.forEach(x => { x.closed = !!x.block; }); place(); fitAll(); };
$('close').onclick = () => { items.forEach((x, i) => { x.closed = x.kind === BOX && !!i; }); place(); fitAll(); };
$('kept').onchange = redraw;
items.forEach((x, i) => {
  if (!i || x.kind !== LANE) return;
  const label = document.createElement('label'), input = document.createElement('input');
  input.type = 'checkbox';
  input.checked = true;
  input.onchange = () => { x.hidden = !input.checked; place(); fitAll(); };
  label.append(input, ` ${x.name}`);
  $('passes').append(label);
});
function reach(from, next) {
  const seen = new Set(from), stack = [...from];
  while (stack.length) for (const i of items[stack.pop()][next]) if (!seen.has(i)) { seen.add(i); stack.push(i); }
  return seen;
}
function light(i) { // the ways from a parameter through the forward pass, and back to its gradient
  lit = null;
  if (i) {
    const after = reach([i], 'outs'), loss = items.findIndex(x => x.info.output && x.kind === NODE && x.order === 0);
    const before = loss > 0 ? reach([loss], 'ins') : after;
    const gradients = items.map((x, k) => k).filter(k => (items[k].info.outputs || []).some(o => o.endsWith(`/ d ${items[i].info.leaf}`)));
    const back = reach(gradients, 'ins');
    lit = new Set([i]);
    items.forEach((x, k) => {
      if (x.kind !== NODE) return;
      if (x.order === 0 ? after.has(k) && before.has(k) : back.has(k)) for (let u = k; u; u = items[u].parent) lit.add(u);
    });
    for (let u = items[i].parent; u; u = items[u].parent) lit.add(u);
  }
  redraw();
}
items.forEach((x, i) => {
  if (!i || !x.info.leaf) return;
  const option = document.createElement('option');
  option.value = i;
  option.textContent = x.info.leaf;
  $('weight').append(option);
});
$('weight').onchange = e => light(+e.target.value);
addEventListener('resize', redraw);

// The widths of the nodes come from a table of letters; a font with wider letters is shown smaller.
const ruler = document.createElement('canvas').getContext('2d');
ruler.font = `600 100px ${getComputedStyle(document.body).fontFamily}`;
const fitting = Math.min(1, 100 * D.sample[1] / ruler.measureText(D.sample[0]).width);
document.documentElement.style.setProperty('--fitting', fitting);
place();
fitAll(0.4, 0.6);
describe(0);
document.documentElement.dataset.loaded = performance.now().toFixed(0);
