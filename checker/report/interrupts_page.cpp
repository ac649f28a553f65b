#include "checker/report/interrupts_page.hpp"

namespace lapicheck::checker {

const std::string_view interrupts_style = R"css(
:root{color-scheme:light dark;--bg:#fff;--fg:#1c1f24;--soft:#646b76;--line:#d8dce3;--panel:#f5f6f8;
--wait:#d99a17;--service:#2f7fd6;--bad:#d12f2f;--open:#8a5bd0;--mark:#1c1f24;--accent:#1f6fc5;--lane:#eef0f4}
@media (prefers-color-scheme:dark){:root{--bg:#14171c;--fg:#e4e7ec;--soft:#98a1ae;--line:#363c46;--panel:#1c2027;
--wait:#e0ac3c;--service:#5aa2ee;--bad:#ff6b62;--open:#b48cf2;--mark:#e4e7ec;--accent:#7db7f5;--lane:#1f242c}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
main{max-width:1500px;margin:0 auto;padding:1.2em 1.4em 4em}
h1{font-size:1.35em;margin:.2em 0}h2{font-size:1.1em;margin:1.6em 0 .5em}h3{font-size:1em;margin:1.4em 0 .4em}
p{margin:.4em 0}a{color:var(--accent)}code,td,th,.mono{font:13px/1.45 ui-monospace,monospace}
.soft{color:var(--soft)}
ul.conclusions{list-style:none;margin:.6em 0;padding:0}
ul.conclusions li{margin:.35em 0;padding:.4em .8em;background:var(--panel);border-left:4px solid var(--line)}
li.finding{border-left-color:var(--bad)!important}li.blind{border-left-color:var(--wait)!important}
li b{margin-right:.5em;font-weight:600}
.bar{display:flex;flex-wrap:wrap;gap:.4em .6em;align-items:center;margin:.5em 0}
button{font:inherit;font-size:13px;color:inherit;background:var(--panel);border:1px solid var(--line);border-radius:4px;
padding:.15em .6em;cursor:pointer}
button[aria-pressed=true]{border-color:var(--accent);color:var(--accent);font-weight:600}
button.line{border:0;background:none;padding:0;color:var(--accent);text-decoration:underline;font:inherit}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.view{position:relative;border:1px solid var(--line);border-radius:4px;overflow-y:auto;overflow-x:hidden;max-height:65vh}
.view canvas{position:sticky;top:0;display:block;touch-action:none;cursor:grab}
.details{min-height:5.2em;margin:.4em 0;padding:.4em .8em;background:var(--panel);border-left:4px solid var(--line);
white-space:pre-wrap;font:13px/1.45 ui-monospace,monospace}
.tip{position:fixed;z-index:9;max-width:34em;pointer-events:none;background:var(--panel);border:1px solid var(--line);
border-radius:4px;padding:.35em .6em;white-space:pre-wrap;font:12.5px/1.4 ui-monospace,monospace;
box-shadow:0 2px 8px #0004;display:none}
.legend span{display:inline-flex;align-items:center;gap:.35em;margin-right:1.1em;font-size:13px}
.legend i{display:inline-block;width:18px;height:9px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.5em 0}caption{text-align:left;font-weight:600;padding:.3em 0}
summary{cursor:pointer;font-weight:600;margin:.8em 0 .3em}
th,td{border:1px solid var(--line);padding:.2em .6em;text-align:left;vertical-align:top;white-space:nowrap}
thead th{background:var(--panel)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em;margin:.6em 0}
dt{color:var(--soft);font-size:13px}dd{margin:0;font:13px/1.5 ui-monospace,monospace}
.bad{color:var(--bad)}
)css";

const std::string_view interrupts_script = R"js(
"use strict";
(() => {
const END = ["ended", "pending at the end", "in service at the end", "accepted while disabled: dropped",
             "unknown: reset, INIT or lost events", "no vCPU is seen to accept it"];
const hex = v => v.toString(16).toUpperCase().padStart(2, "0") + "H";
const dpr = () => window.devicePixelRatio || 1;

class Timeline {
  constructor(root, data) {
    this.root = root; this.data = data;
    this.view = root.querySelector(".view"); this.canvas = this.view.querySelector("canvas");
    this.space = this.view.querySelector(".space");
    this.details = root.querySelector(".details"); this.range = root.querySelector(".range");
    this.tip = document.getElementById("tip");
    this.context = this.canvas.getContext("2d");
    this.hidden = new Set();
    this.left = 178; this.top = 26;
    this.build(); this.chips(); this.listen(); this.fit();
  }

  // Rows by lane and vector; in each the interrupts by time.
  build() {
    const W = this.data.width, d = this.data.deliveries;
    this.count = d.length / W;
    const rows = new Map();
    this.start = new Float64Array(this.count); this.stop = new Float64Array(this.count);
    for (let i = 0; i < this.count; i++) {
      const o = i * W;
      let first = Infinity, last = -Infinity;
      for (let p = 6; p < W; p += 2) if (d[o + p]) { const t = d[o + p + 1]; if (t < first) first = t; if (t > last) last = t; }
      const end = d[o + 5];
      this.start[i] = first; this.stop[i] = end === 1 || end === 2 ? this.data.end : last;
      const lane = end === 5 ? d[o + 1] : d[o];
      const key = lane * 256 + d[o + 2];
      if (!rows.has(key)) rows.set(key, []);
      rows.get(key).push(i);
    }
    this.rows = [...rows.entries()].map(([key, items]) => {
      items.sort((a, b) => this.start[a] - this.start[b]);
      let most = -Infinity;
      const n = items.length, reach = new Float64Array(n), starts = new Float64Array(n), stops = new Float64Array(n), kinds = new Uint8Array(n);
      items.forEach((i, at) => {
        const end = d[i * W + 5];
        most = Math.max(most, this.stop[i]);
        reach[at] = most; starts[at] = this.start[i]; stops[at] = this.stop[i];
        kinds[at] = end === 0 ? 1 : end === 1 || end === 2 ? 2 : 3;
      });
      return {lane: Math.floor(key / 256), vector: key % 256, items, reach, starts, stops, kinds};
    }).sort((a, b) => a.lane - b.lane || b.vector - a.vector);
    this.vectors = [...new Set(this.rows.map(r => r.vector))].sort((a, b) => b - a);
    this.lines = [];
    for (let i = 0; i < this.count; i++)
      for (let p = 6; p < W; p += 2) if (d[i * W + p]) this.lines.push([d[i * W + p], d[i * W + p + 1], i]);
    this.data.divergences.forEach((x, i) => this.lines.push([x.line, x.time, -1 - i]));
    this.lines.sort((a, b) => a[0] - b[0]);
    this.place();
  }

  // y of lanes and rows. A lane with more vectors than that shows a row for each priority class.
  place() {
    const rowHeight = 13, head = 20, most = 16;
    let y = 0, vm = -1;
    this.lanes = this.data.lanes.map(lane => ({...lane, rows: [], y: 0, height: 0}));
    for (const row of this.rows) if (!this.hidden.has(row.vector)) this.lanes[row.lane].rows.push(row);
    for (const lane of this.lanes) {
      if (this.data.vms > 1 && lane.vm !== vm) { vm = lane.vm; lane.vmAt = y; y += 20; }
      lane.y = y;
      const byClass = lane.rows.length > most;
      const slots = new Map();
      for (const row of lane.rows) {
        const key = byClass ? row.vector >> 4 : row.vector;
        if (!slots.has(key)) slots.set(key, slots.size);
        row.y = y + head + slots.get(key) * rowHeight;
        row.label = byClass ? key.toString(16).toUpperCase() + "0H" : hex(row.vector);
      }
      lane.height = head + Math.max(1, slots.size) * rowHeight + 6;
      y += lane.height;
    }
    this.height = y;
  }

  chips() {
    const box = this.root.querySelector(".chips");
    const all = document.createElement("button"); all.textContent = "all"; all.type = "button";
    all.onclick = () => { this.hidden.clear(); this.mark(); };
    box.append("vectors ", all);
    for (const vector of this.vectors) {
      const chip = document.createElement("button"); chip.type = "button"; chip.textContent = hex(vector);
      chip.dataset.vector = vector;
      chip.onclick = () => {
        if (this.hidden.size === 0) { this.vectors.forEach(v => this.hidden.add(v)); this.hidden.delete(vector); }
        else if (this.hidden.has(vector)) this.hidden.delete(vector);
        else { this.hidden.add(vector); if (this.hidden.size === this.vectors.length) this.hidden.clear(); }
        this.mark();
      };
      box.append(chip);
    }
    this.box = box; this.mark(true);
  }
  mark(quiet) {
    for (const chip of this.box.querySelectorAll("[data-vector]"))
      chip.setAttribute("aria-pressed", String(this.hidden.size > 0 && !this.hidden.has(+chip.dataset.vector)));
    if (!quiet) { this.place(); this.resize(); }
  }

  fit() { this.from = 0; this.to = Math.max(this.data.end, 1); const pad = (this.to - this.from) * .01; this.from -= pad; this.to += pad; this.resize(); }
  resize() {
    const width = this.view.clientWidth, wanted = this.height + this.top + 4;
    const height = Math.max(120, Math.min(wanted, window.innerHeight * .65));
    this.space.style.height = Math.max(0, wanted - height) + "px";
    this.canvas.style.width = width + "px"; this.canvas.style.height = height + "px";
    this.canvas.width = Math.round(width * dpr()); this.canvas.height = Math.round(height * dpr());
    this.width = width; this.shown = height;
    const style = getComputedStyle(document.documentElement), c = name => style.getPropertyValue("--" + name).trim();
    this.colour = Object.fromEntries(["bg", "fg", "soft", "line", "panel", "wait", "service", "bad", "open", "mark", "accent", "lane"].map(n => [n, c(n)]));
    this.ask();
  }
  ask() { if (!this.asked) { this.asked = true; requestAnimationFrame(() => { this.asked = false; this.draw(); }); } }
  x(t) { return this.left + (t - this.from) * (this.width - this.left) / (this.to - this.from); }
  t(x) { return this.from + (x - this.left) * (this.to - this.from) / (this.width - this.left); }
  time(t, digits) {
    if (this.data.clock !== "ns") return Math.round(t) + " ticks";
    const a = Math.abs(t);
    return a >= 1e9 ? (t / 1e9).toFixed(digits ?? 6) + " s" : a >= 1e6 ? (t / 1e6).toFixed(digits ?? 3) + " ms" : (t / 1e3).toFixed(digits ?? 0) + " us";
  }
  // The first item of the row that may reach into the view.
  first(row) {
    let lo = 0, hi = row.items.length;
    while (lo < hi) { const m = (lo + hi) >> 1; if (row.reach[m] < this.from) lo = m + 1; else hi = m; }
    return lo;
  }

  draw() {
    const began = performance.now();
    const g = this.context, C = this.colour, scroll = this.view.scrollTop;
    g.setTransform(dpr(), 0, 0, dpr(), 0, 0);
    g.fillStyle = C.bg; g.fillRect(0, 0, this.width, this.shown);
    g.font = "12px ui-monospace, monospace"; g.textBaseline = "middle";
    const y0 = this.top - scroll;
    const visible = y => y + y0 > this.top - 20 && y + y0 < this.shown;
    // lanes
    this.lanes.forEach((lane, i) => {
      if (lane.y + lane.height + y0 < this.top || lane.y + y0 > this.shown) return;
      if (i % 2 === 0) { g.fillStyle = C.lane; g.fillRect(0, lane.y + y0, this.width, lane.height); }
      g.fillStyle = C.fg; g.font = "600 12px system-ui, sans-serif";
      g.fillText(lane.label, 6, lane.y + y0 + 11);
      if (lane.vmAt !== undefined) { g.fillStyle = C.soft; g.fillText("VM " + lane.vm, 6, lane.vmAt + y0 + 10); }
    });
    g.font = "12px ui-monospace, monospace";
    // bars, one pass for each colour
    const W = this.data.width, d = this.data.deliveries, few = [];
    const bars = [];
    let seen = 0;
    for (const row of this.rows) {
      if (this.hidden.has(row.vector) || !visible(row.y)) continue;
      g.fillStyle = C.soft; g.textAlign = "right"; g.fillText(row.label, this.left - 8, row.y + y0 + 6); g.textAlign = "left";
      const {starts, stops, kinds} = row, n = starts.length, from = this.from, to = this.to, left = this.left;
      const scale = (this.width - left) / (to - from);
      const marks = [-1, -1, -1, -1], reached = [0, -9, -9, -9];
      for (let at = this.first(row); at < n; at++) {
        const start = starts[at], stop = stops[at];
        if (start > to) break;
        if (stop < from) continue;
        seen++;
        if ((stop - start) * scale < 2) {
          // Many in one column of pixels, or side by side, are one mark; what did not end is not hidden by others.
          const kind = kinds[at], now = Math.max(Math.round(left + (start - from) * scale), left);
          if (now <= reached[kind]) {
            if (seen <= 300) few.push(row, row.items[at]);
            if (now + 2 > reached[kind]) { reached[kind] = now + 2; bars[marks[kind] + 3] = now + 2 - bars[marks[kind] + 1]; }
            continue;
          }
          marks[kind] = bars.length; reached[kind] = now + 2;
          bars.push(kind, now, row.y + y0 + 2, 2, 9);
        } else {
          const o = row.items[at] * W, end = d[o + 5];
          const a = d[o + 8] ? d[o + 9] : start, b = d[o + 10] ? d[o + 11] : d[o + 12] ? d[o + 13] : stop;
          const xa = Math.max(this.left, this.x(a)), xb = Math.max(this.left, Math.min(this.width, this.x(b)));
          const xe = Math.min(this.width, this.x(stop));
          if (xb > xa) bars.push(end === 1 ? 2 : end === 4 ? 3 : 0, xa, row.y + y0 + 4, Math.max(xb - xa, 1), 5);
          if (d[o + 10] && xe > xb) bars.push(end === 2 ? 2 : end === 4 ? 3 : 1, xb, row.y + y0 + 2, Math.max(xe - xb, 1), 9);
        }
        if (seen <= 300) few.push(row, row.items[at]);
      }
    }
    [C.wait, C.service, C.bad, C.open].forEach((colour, kind) => {
      g.fillStyle = colour;
      for (let b = 0; b < bars.length; b += 5) if (bars[b] === kind) g.fillRect(bars[b + 1], bars[b + 2], bars[b + 3], bars[b + 4]);
    });
    if (seen <= 300) this.marks(few, y0);
    this.divergences(y0);
    if (this.chosen !== undefined) this.frame(this.chosen, y0);
    this.axis();
    this.drawn = performance.now() - began;
    this.canvas.dataset.redrawMs = this.drawn.toFixed(2);
    this.range.textContent = this.time(Math.max(0, this.from)) + " to " + this.time(Math.min(this.data.end, this.to)) + ", " + this.count + " interrupts";
  }

  // What is seen when there is room: who asked, and when what happened.
  marks(few, y0) {
    const g = this.context, C = this.colour, W = this.data.width, d = this.data.deliveries;
    g.lineWidth = 1;
    for (let k = 0; k < few.length; k += 2) {
      const row = few[k], i = few[k + 1], o = i * W, y = row.y + y0 + 6, end = d[o + 5];
      const at = p => this.x(d[o + p + 1]);
      const inside = x => x >= this.left && x <= this.width;
      if (d[o + 6] && d[o + 1] >= 0 && end !== 5) {
        const from = this.lanes[d[o + 1]], x = at(6), x2 = d[o + 8] ? at(8) : x;
        if (inside(x) && from) this.arrow(x, d[o + 1] === d[o] ? y - 9 : from.y + y0 + 11, x2, y - 5, C.soft);
      } else if (d[o + 6] && end !== 5 && inside(at(6))) this.arrow(at(6), y - 10, at(8), y - 5, C.soft);
      if (end === 5 && inside(at(6))) this.cross(at(6), y, C.open);
      if (d[o + 8] && inside(at(8))) { g.fillStyle = C.mark; g.beginPath(); g.moveTo(at(8) - 3, y - 6); g.lineTo(at(8) + 3, y - 6); g.lineTo(at(8), y); g.fill(); }
      if (d[o + 10] && inside(at(10))) { g.fillStyle = C.mark; g.fillRect(at(10) - .5, y - 6, 1.5, 12); }
      if (d[o + 12] && inside(at(12))) { g.strokeStyle = C.mark; g.beginPath(); g.arc(at(12), y, 3, 0, 7); g.stroke(); }
      if (end === 1 || end === 2) {
        const x = Math.min(this.width - 8, this.x(this.data.end));
        if (inside(x)) this.cross(x, y, C.bad);
      }
    }
  }
  arrow(x1, y1, x2, y2, colour) {
    const g = this.context, angle = Math.atan2(y2 - y1, x2 - x1);
    g.strokeStyle = colour; g.fillStyle = colour; g.beginPath(); g.moveTo(x1, y1); g.lineTo(x2, y2); g.stroke();
    g.beginPath(); g.moveTo(x2, y2);
    g.lineTo(x2 - 6 * Math.cos(angle - .4), y2 - 6 * Math.sin(angle - .4));
    g.lineTo(x2 - 6 * Math.cos(angle + .4), y2 - 6 * Math.sin(angle + .4)); g.fill();
  }
  cross(x, y, colour) {
    const g = this.context; g.strokeStyle = colour; g.lineWidth = 2; g.beginPath();
    g.moveTo(x - 4, y - 4); g.lineTo(x + 4, y + 4); g.moveTo(x + 4, y - 4); g.lineTo(x - 4, y + 4); g.stroke(); g.lineWidth = 1;
  }
  divergences(y0) {
    const g = this.context, C = this.colour, labels = [];
    let last = -99, lastLane = -1;
    for (const one of this.data.divergences) {
      const x = this.x(one.time), lane = this.lanes[one.lane];
      if (x < this.left || x > this.width || !lane) continue;
      const y = lane.y + y0;
      if (y > this.shown || y + lane.height < this.top) continue;
      g.fillStyle = C.bad; g.fillRect(x - .75, y + 2, 1.5, lane.height - 4);
      if (one.lane !== lastLane || Math.abs(x - last) > 34) { labels.push(one.rule, x, y); last = x; lastLane = one.lane; }
    }
    for (let k = 0; k < labels.length; k += 3) {
      const right = labels[k + 1] + 32 > this.width, x = right ? labels[k + 1] - 29 : labels[k + 1] + 2;
      g.fillStyle = C.bg; g.fillRect(x, labels[k + 2] + 4, 26, 14);
      g.fillStyle = C.bad; g.fillText(labels[k], x + 2, labels[k + 2] + 11);
    }
  }
  frame(i, y0) {
    const row = this.rows.find(r => r.items.includes(i));
    if (!row || this.hidden.has(row.vector)) return;
    const g = this.context, x1 = Math.max(this.left, this.x(this.start[i]) - 3), x2 = Math.min(this.width, this.x(this.stop[i]) + 3);
    if (x2 < x1) return;
    g.strokeStyle = this.colour.accent; g.lineWidth = 2; g.strokeRect(x1, row.y + y0 - 1, Math.max(6, x2 - x1), 15); g.lineWidth = 1;
  }
  axis() {
    const g = this.context, C = this.colour;
    g.fillStyle = C.panel; g.fillRect(0, 0, this.width, this.top);
    g.strokeStyle = C.line; g.beginPath(); g.moveTo(0, this.top - .5); g.lineTo(this.width, this.top - .5);
    g.moveTo(this.left - .5, 0); g.lineTo(this.left - .5, this.shown); g.stroke();
    const rough = (this.to - this.from) / Math.max(2, (this.width - this.left) / 130), power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= rough);
    const unit = Math.abs(this.to) >= 1e9 ? 1e9 : Math.abs(this.to) >= 1e6 ? 1e6 : 1e3;
    const name = this.data.clock !== "ns" ? "" : unit === 1e9 ? " s" : unit === 1e6 ? " ms" : " us";
    const digits = this.data.clock !== "ns" ? 0 : Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / unit))));
    g.fillStyle = C.soft;
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
      const x = this.x(t);
      if (x < this.left) continue;
      g.fillRect(x, this.top - 6, 1, 5);
      g.fillText((this.data.clock !== "ns" ? Math.round(t) : (t / unit).toFixed(digits)) + name, x + 3, 10);
    }
    g.fillText("time from line " + this.data.firstLine, 6, 12);
  }

  // ----- What is under the pointer -----
  under(x, y) {
    if (x < this.left || y < this.top) return undefined;
    const at = y - this.top + this.view.scrollTop, t = this.t(x), slack = (this.to - this.from) / (this.width - this.left) * 5;
    const lane = this.lanes.find(l => at >= l.y && at < l.y + l.height);
    if (!lane) return undefined;
    let best, distance = slack;
    for (const row of lane.rows) {
      if (Math.abs(row.y + 6 - at) > 8) continue;
      for (let k = this.first(row); k < row.items.length; k++) {
        const i = row.items[k];
        if (this.start[i] > t + slack) break;
        const away = t < this.start[i] ? this.start[i] - t : t > this.stop[i] ? t - this.stop[i] : 0;
        if (away <= distance) { distance = away; best = i; }
      }
    }
    if (best !== undefined) return best;
    const near = this.data.divergences.findIndex(d => this.lanes[d.lane] === lane && Math.abs(this.x(d.time) - x) < 5);
    return near < 0 ? undefined : -1 - near;
  }
  describe(i) {
    if (i < 0) { const d = this.data.divergences[-1 - i]; return d.rule + " at line " + d.line + ": " + d.text + "\n" + d.statement; }
    const W = this.data.width, d = this.data.deliveries, o = i * W, lanes = this.data.lanes;
    const where = d[o + 5] === 5 ? "sent by " + lanes[d[o + 1]].label : lanes[d[o]].label;
    const parts = ["vector " + hex(d[o + 2]) + " (" + d[o + 2] + "), " + where + (d[o + 4] ? ", level-triggered" : "")];
    const add = (p, name) => { if (d[o + p]) parts.push(name.padEnd(10) + " line " + d[o + p] + "   at " + this.time(d[o + p + 1], 6)); };
    const by = this.data.sources[d[o + 3]] + (d[o + 1] >= 0 && d[o + 1] !== d[o] ? " by " + lanes[d[o + 1]].label : "");
    add(6, "asked for"); add(8, "accepted"); add(10, "injected"); add(12, "EOI");
    parts.push("from       " + by);
    const waits = [];
    if (d[o + 8] && d[o + 10]) waits.push("waited " + this.time(d[o + 11] - d[o + 9]) + " for injection");
    if (d[o + 10] && d[o + 12]) waits.push("in service for " + this.time(d[o + 13] - d[o + 11]));
    if (waits.length) parts.push(waits.join(", "));
    if (d[o + 5] !== 0) parts.push(END[d[o + 5]]);
    return parts.join("\n");
  }
  choose(i) { this.chosen = i; this.details.textContent = i === undefined ? "" : this.describe(i); this.ask(); }
  zoom(factor, x) {
    const t = this.t(x), least = this.data.clock === "ns" ? 200 : 100;
    let from = t - (t - this.from) * factor, to = t + (this.to - t) * factor;
    if (to - from < least) return;
    const all = this.data.end * 1.2 + 10;
    if (to - from > all * 1.2) return this.fit();
    this.from = from; this.to = to; this.ask();
  }
  pan(part) { const by = (this.to - this.from) * part; this.from += by; this.to += by; this.ask(); }
  // Centres what stands at the line, or the nearest before it.
  goto(line) {
    let lo = 0, hi = this.lines.length;
    while (lo < hi) { const m = (lo + hi) >> 1; if (this.lines[m][0] <= line) lo = m + 1; else hi = m; }
    const found = this.lines[Math.max(0, lo - 1)];
    if (!found) return;
    const half = Math.min(this.to - this.from, this.data.end / 10 + 1000) / 2;
    this.from = found[1] - half; this.to = found[1] + half;
    this.hidden.clear(); this.mark(true); this.place();
    this.choose(found[2]); this.resize();
    const row = found[2] < 0 ? this.lanes[this.data.divergences[-1 - found[2]].lane] : this.rows.find(r => r.items.includes(found[2]));
    if (row) this.view.scrollTop = Math.max(0, row.y - this.shown / 2);
    this.root.scrollIntoView({block: "nearest"});
  }
  // To the next interrupt after the middle of the view, or the one before it, that did not end.
  step(forward) {
    const W = this.data.width, d = this.data.deliveries;
    let best;
    for (let i = 0; i < this.count; i++) {
      if (d[i * W + 5] === 0 || i === this.chosen) continue;
      const here = this.chosen >= 0 ? this.start[this.chosen] : (this.from + this.to) / 2;
      const t = this.start[i];
      if (forward ? t >= here && (best === undefined || t < this.start[best]) : t <= here && (best === undefined || t > this.start[best])) best = i;
    }
    if (best === undefined) return;
    const half = (this.to - this.from) / 2;
    this.from = this.start[best] - half; this.to = this.start[best] + half; this.choose(best);
  }

  listen() {
    const c = this.canvas;
    const place = e => { const r = c.getBoundingClientRect(); return [e.clientX - r.left, e.clientY - r.top]; };
    c.addEventListener("wheel", e => {
      if (e.shiftKey) return;
      e.preventDefault();
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) this.pan(e.deltaX / this.width);
      else this.zoom(Math.exp(Math.max(-1, Math.min(1, e.deltaY / 300))), Math.max(this.left, place(e)[0]));
    }, {passive: false});
    let drag;
    c.addEventListener("pointerdown", e => { drag = {x: e.clientX, y: e.clientY, moved: false}; c.setPointerCapture(e.pointerId); });
    c.addEventListener("pointermove", e => {
      if (drag) {
        const dx = e.clientX - drag.x;
        if (Math.abs(dx) > 2) drag.moved = true;
        if (drag.moved) {
          this.pan(-dx / (this.width - this.left)); this.view.scrollTop -= e.clientY - drag.y;
          drag.x = e.clientX; drag.y = e.clientY; c.style.cursor = "grabbing";
        }
        this.tip.style.display = "none";
        return;
      }
      const i = this.under(...place(e));
      this.tip.style.display = i === undefined ? "none" : "block";
      if (i === undefined) return;
      this.tip.textContent = this.describe(i);
      this.tip.style.left = Math.min(e.clientX + 14, window.innerWidth - this.tip.offsetWidth - 8) + "px";
      this.tip.style.top = Math.min(e.clientY + 14, window.innerHeight - this.tip.offsetHeight - 8) + "px";
    });
    c.addEventListener("pointerup", e => { if (drag && !drag.moved) this.choose(this.under(...place(e))); drag = undefined; c.style.cursor = ""; });
    c.addEventListener("pointerleave", () => { this.tip.style.display = "none"; });
    c.addEventListener("keydown", e => {
      const middle = (this.left + this.width) / 2;
      const acts = {ArrowLeft: () => this.pan(-.2), ArrowRight: () => this.pan(.2), "+": () => this.zoom(.6, middle), "=": () => this.zoom(.6, middle),
                    "-": () => this.zoom(1.7, middle), "0": () => this.fit(), Home: () => this.fit(), n: () => this.step(true), p: () => this.step(false),
                    ArrowUp: () => { this.view.scrollTop -= 60; }, ArrowDown: () => { this.view.scrollTop += 60; }, Escape: () => this.choose(undefined)};
      if (acts[e.key]) { e.preventDefault(); acts[e.key](); }
    });
    this.view.addEventListener("scroll", () => this.ask());
    for (const [name, act] of [["in", () => this.zoom(.6, (this.left + this.width) / 2)], ["out", () => this.zoom(1.7, (this.left + this.width) / 2)],
                               ["fit", () => this.fit()], ["next", () => this.step(true)], ["previous", () => this.step(false)]])
      this.root.querySelector("[data-act=" + name + "]").onclick = act;
    window.addEventListener("resize", () => this.resize());
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.resize());
  }
}

for (const section of document.querySelectorAll("section.recording")) {
  const root = section.querySelector(".timeline");
  if (!root) continue;
  const timeline = new Timeline(root, JSON.parse(root.querySelector("script[type='application/json']").textContent));
  root.timeline = timeline;
  section.addEventListener("click", e => { const line = e.target.closest("[data-line]"); if (line) timeline.goto(+line.dataset.line); });
}
})();
)js";

} // namespace lapicheck::checker
