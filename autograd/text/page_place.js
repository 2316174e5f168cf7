// page_place.js - the data of a drawn tape, and the places of what is shown: by the rule of place_move.c and place_wires.c.
// Ranks and orders come from the file and never change. page.js draws it.
'use strict';
const D = JSON.parse(document.getElementById('data').textContent);
const NODE = 0, BOX = 1, LANE = 2, NONE = -1;
const GAP = 16, CHANNEL = 26, PAD = 12, HEAD = 24, LANES = 56, TRACK = 10, FAR = 6, WAY = 6, SWEEPS = 7;
const items = D.items.map(([parent, kind, cell, w, h, look, order, name, sub, id, info, closed]) =>
  ({parent, kind, cell, ownW: w, ownH: h, look, order, name, sub: sub.join('\n'), id, info, closed: !!closed, up: kind === LANE && order % 2 === 1,
    x: 0, y: 0, w: 0, h: 0, shown: 0, hidden: false, count: 0, lane: 0, ins: [], outs: []}));
// A pair of items that a wire joins while all blocks are closed: the text of that wire. What is not here, blocks imply.
const pair = (a, b) => a * items.length + b;
const told = D.told ? new Map() : null;
for (const [a, b, text] of D.told || []) if (text || !told.has(pair(a, b))) told.set(pair(a, b), text || '');
const cells = D.cells.map(([rank, item, trunk]) => ({rank, item, trunk, x: 0, w: WAY, on: false, up: [], down: []}));
const rows = D.rows.map(([first, n]) => ({first, n, y: 0, h: 0, turn: false, cells: []}));
const trunks = D.trunks.map(([box, origin, port, first, n, track]) => ({box, origin, port, first, n, track, on: false}));
const wires = D.wires.map(([from, to, kind, ...s]) => {
  const steps = [];
  for (let i = 0; i < s.length; i += 3) steps.push({trunk: trunks[s[i]], sink: s[i + 1], port: s[i + 2]});
  return {from, to, over: kind > 0, effect: kind === 2, steps, points: [], shown: false, a: 0, b: 0};
});
for (const [a, b, aPort, bPort] of D.links) {
  const link = {a, b, aPort, bPort};
  cells[a].down.push(link);
  cells[b].up.push(link);
}
for (const [i, text] of D.marks) wires[i].mark = text;
items.forEach((x, i) => {
  if (!i) return;
  x.block = x.kind === BOX && !!x.info.block;
  x.within = !!x.parent && (items[x.parent].block || items[x.parent].within);
  x.lane = x.parent ? items[x.parent].lane : i;
  if (x.kind === NODE) for (let k = x.parent; k; k = items[k].parent) items[k].count++;
});
for (const w of wires) {
  items[w.from].outs.push(w.to);
  items[w.to].ins.push(w.from);
}

// ---- Placing -----------------------------------------------------------------------------------------------------

const isOpen = i => items[i].kind !== NODE && items[i].shown === i && !items[i].closed && !items[i].hidden;
const rowOf = (t, cell) => rows[D.firstRow[t.box] + cells[cell].rank];
const isNear = (from, to) => to > from && to - from - 1 <= FAR;
function endOf(cell, port) {
  const c = cells[cell];
  return port === NONE || !isOpen(c.item) ? c.x : c.x - items[c.item].w / 2 + cells[port].x;
}
function useStep({trunk, sink}) {
  const from = cells[trunk.origin].rank, to = cells[sink].rank, first = D.firstRow[trunk.box];
  cells[trunk.origin].on = cells[sink].on = true;
  if (isNear(from, to)) {
    for (let k = 0; k < to - from - 1; k++) cells[D.ways[trunk.first + k]].on = true;
  } else {
    trunk.on = rows[first + from].turn = rows[first + to - 1].turn = true;
  }
}
const isStep = i => !items[i].within && (items[i].kind === NODE || items[i].block);
// Both ends are shown while all blocks are closed, and one is a closed block: the wire is one of that drawing, or implied.
const ofLayers = (a, b) => told && isStep(a) && isStep(b) && (items[a].block || items[b].block);
function findShown() {
  for (const c of cells) c.on = false;
  for (const t of trunks) t.on = false;
  for (const r of rows) r.turn = false;
  items.forEach((x, i) => {
    if (!i) return;
    x.shown = x.parent && !isOpen(x.parent) ? items[x.parent].shown : i;
    cells[x.cell].on = x.shown === i;
  });
  const seen = new Set();
  for (const w of wires) {
    w.a = items[w.from].shown;
    w.b = items[w.to].shown;
    const key = (w.a * items.length + w.b) * 2 + w.over;
    w.shown = w.a !== w.b && !items[w.a].hidden && !items[w.b].hidden && !seen.has(key) && (!ofLayers(w.a, w.b) || told.has(pair(w.a, w.b)));
    if (!w.shown) continue;
    seen.add(key);
    for (const s of w.steps) if (isOpen(s.trunk.box)) useStep(s);
  }
  for (const r of rows) {
    r.cells = [];
    for (let i = r.first; i < r.first + r.n; i++) if (cells[i].on) r.cells.push(i);
  }
}
const apart = (a, b) => (a.w + b.w) / 2 + (a.item && b.item ? GAP : GAP / 2);
function fit(row, wish, weight) { // the places nearest to the wishes, with neighbours apart
  const offset = [], blocks = [];
  row.cells.forEach((c, i) => {
    offset[i] = i ? offset[i - 1] + apart(cells[row.cells[i - 1]], cells[c]) : 0;
    blocks.push({sum: weight[i] * (wish[i] - offset[i]), weight: weight[i], n: 1});
    while (blocks.length > 1) {
      const b = blocks[blocks.length - 1], a = blocks[blocks.length - 2];
      if (a.sum * b.weight <= b.sum * a.weight) break;
      a.sum += b.sum; a.weight += b.weight; a.n += b.n;
      blocks.pop();
    }
  });
  let at = 0;
  for (const b of blocks) for (let i = 0; i < b.n; i++, at++) cells[row.cells[at]].x = b.sum / b.weight + offset[at];
}
function moveRow(row, before, after) {
  const wish = [], weight = [];
  for (const i of row.cells) {
    const c = cells[i];
    let sum = 0, n = 0;
    for (const [links, sign] of [[before ? c.up : [], 1], [after ? c.down : [], -1]])
      for (const l of links) {
        if (!cells[l.a].on || !cells[l.b].on) continue;
        sum += c.x + sign * (endOf(l.a, l.aPort) - endOf(l.b, l.bPort));
        n++;
      }
    wish.push(n ? sum / n : c.x);
    weight.push(n ? (c.item ? n : 4 * n) : 0.05);
  }
  fit(row, wish, weight);
}
function channel(own, r) {
  let widest = 0, any = own[r].turn;
  for (const i of own[r].cells)
    for (const l of cells[i].down) {
      if (!cells[l.b].on) continue;
      widest = Math.max(widest, Math.abs(endOf(l.a, l.aPort) - endOf(l.b, l.bPort)));
      any = true;
    }
  return !any && (r === 0 || r + 2 === own.length) ? 0 : CHANNEL + Math.min(widest, 600) / 20;
}
function moveBox(i, tracks) {
  const box = items[i], own = rows.slice(D.firstRow[i], D.firstRow[i] + D.nRows[i]), up = items[box.lane].up;
  for (const row of own) {
    row.cells.forEach((k, at) => {
      const c = cells[k];
      c.w = c.item ? items[c.item].w : WAY;
      c.x = at ? cells[row.cells[at - 1]].x + apart(cells[row.cells[at - 1]], c) : 0;
    });
    const half = row.cells.length ? cells[row.cells[row.cells.length - 1]].x / 2 : 0;
    for (const k of row.cells) cells[k].x -= half;
  }
  for (let s = 0; s < SWEEPS; s++) {
    const down = s % 2 === 0, both = s === SWEEPS - 2;
    for (let k = 0; k < own.length; k++) moveRow(own[down ? k : own.length - 1 - k], down || both, !down || both);
  }
  let left = Infinity, right = -Infinity, y = 0;
  for (const row of own)
    for (const k of row.cells) {
      left = Math.min(left, cells[k].x - cells[k].w / 2);
      right = Math.max(right, cells[k].x + cells[k].w / 2);
    }
  if (left > right) left = right = 0;
  const inner = right - left + 2 * PAD + tracks * TRACK, more = Math.max(0, (box.ownW - inner) / 2);
  box.w = inner + 2 * more;
  for (const row of own) for (const k of row.cells) cells[k].x += PAD + more - left;
  own.forEach((row, r) => {
    const end = r === 0 || r + 1 === own.length;
    row.y = y;
    row.h = !end ? 0 : (r === 0) === !up ? HEAD : PAD;
    for (const k of row.cells) if (cells[k].item) row.h = Math.max(row.h, items[cells[k].item].h);
    y += row.h + (r + 1 < own.length ? channel(own, r) : 0);
  });
  box.h = y;
}
function placeLanes() {
  let x = 0, top = 0, bottom = 0, least = 0, any = false;
  const lanes = items.filter((l, i) => i && !l.parent && !l.hidden);
  for (const l of lanes) {
    l.x = x;
    l.y = any && l.up ? bottom - l.h : top;
    x += l.w + LANES;
    top = l.y;
    bottom = l.y + l.h;
    least = Math.min(least, top);
    any = true;
  }
  for (const l of lanes) l.y -= least;
}
function addStep(w, {trunk, sink, port}) {
  const lane = items[items[trunk.box].lane], box = items[trunk.box], p = w.points;
  const dx = lane.x + (box === lane ? 0 : box.x), dy = box === lane ? 0 : box.y, first = D.firstRow[trunk.box];
  const from = cells[trunk.origin].rank, to = cells[sink].rank, a = rows[first + from], b = rows[first + to];
  const add = (x, y) => p.push([x + dx, lane.y + (lane.up ? lane.h - y - dy : y + dy)]);
  const o = cells[trunk.origin].item, s = cells[sink].item;
  const x = endOf(trunk.origin, trunk.port), end = endOf(sink, port);
  add(x, o ? a.y + a.h / 2 + items[o].h / 2 : a.y);
  add(x, a.y + a.h);
  if (isNear(from, to)) {
    for (let r = from + 1; r < to; r++) {
      const way = cells[D.ways[trunk.first + r - from - 1]].x, row = rows[first + r];
      add(way, row.y);
      add(way, row.y + row.h);
    }
  } else {
    const track = box.w - PAD - trunk.track * TRACK, last = rows[first + to - 1];
    add(track, to <= from ? a.y + a.h : rows[first + from + 1].y);
    add(track, to <= from ? b.y : last.y + last.h);
  }
  add(end, b.y);
  add(end, s ? b.y + b.h / 2 - items[s].h / 2 : b.y + b.h);
}
function place() {
  findShown();
  const tracks = new Map();
  for (const t of trunks) if (t.on) tracks.set(t.box, Math.max(tracks.get(t.box) || 0, t.track + 1));
  for (let i = items.length - 1; i > 0; i--) {
    items[i].w = items[i].ownW;
    items[i].h = items[i].ownH;
    if (isOpen(i)) moveBox(i, tracks.get(i) || 0);
  }
  placeLanes();
  items.forEach((x, i) => {
    if (!i || !x.parent || x.shown !== i) return;
    const above = items[x.parent], c = cells[x.cell], row = rows[D.firstRow[x.parent] + c.rank];
    x.x = c.x - x.w / 2 + (above.kind === LANE ? 0 : above.x);
    x.y = row.y + row.h / 2 - x.h / 2 + (above.kind === LANE ? 0 : above.y);
  });
  for (const w of wires) {
    w.points = [];
    if (w.shown) for (const s of w.steps) if (isOpen(s.trunk.box)) addStep(w, s);
  }
  items.forEach((x, i) => {
    if (!i || !x.parent || x.shown !== i) return;
    const l = items[x.lane];
    x.x += l.x;
    x.y = l.y + (l.up ? l.h - x.y - x.h : x.y);
  });
}
