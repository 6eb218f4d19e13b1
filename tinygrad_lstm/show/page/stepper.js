// The page: which step it is, and what follows from that everywhere.

import { Arrays, element } from "./arrays.js";
import { Drawing } from "./drawing.js";
import { Ledger, Recording } from "./ledger.js";
import { Panel } from "./panel.js";
import { Strip } from "./strip.js";

const $ = (id) => document.getElementById(id);

class Stepper {
  constructor(data) {
    this.recording = new Recording(data, new Arrays(data.arrays));
    this.steps = this.recording.steps;
    this.firstBackward = this.steps.findIndex((step) => step.phase === "backward");
    this.done = -1;
    const look = (kind) => {
      const scale = $("scale").value;
      const log = scale === "log" && kind.endsWith("gradient");
      return { log, scale: scale === "each" ? null : data.scales[kind] };
    };
    this.drawing = new Drawing($("drawing"), (node) => this.goToNode(node));
    this.strip = new Strip($("strip"), this.recording, (k) => this.go(k));
    this.panel = new Panel($("panel"), this.recording, look);
    this.ledger = new Ledger($("ledger"), this.recording, look, (k) => this.go(k));
    this.listen();
    this.go(this.linked() ?? 0, false);
    this.ready = true;
  }

  get step() {
    return this.steps[this.at];
  }

  /** Show step k: shade what is done by then, and take back what is not. */
  go(k, smooth = true) {
    k = Math.max(0, Math.min(this.steps.length - 1, Math.round(k) || 0));
    while (this.done < k) this.mark(++this.done, true);
    while (this.done > k) this.mark(this.done--, false);
    this.at = k;
    const { node, phase, said, sent } = this.step;
    const received = sent?.filter((part) => part.g >= 0).map((part) => part.to);
    const flowing = received ?? this.recording.nodes[node].parents;
    this.drawing.light(node, flowing, phase);
    if ($("follow").checked) this.drawing.follow(node, flowing, smooth);
    this.strip.show(this.step);
    this.panel.show(k);
    this.ledger.show(k);
    document.body.dataset.phase = phase;
    $("sentence").textContent = said;
    if (this.step.t != null) $("time").value = this.step.t;
    $("slider").value = k;
    const place = this.step.t == null ? "" : `t = ${this.step.t}, `;
    $("slider").setAttribute("aria-valuetext", `${place}${phase}, step ${k}`);
    $("count").textContent = `${k} of ${this.steps.length - 1}`;
    for (const word of ["forward", "backward"]) $(word).setAttribute("aria-pressed", phase === word);
    clearTimeout(this.link);
    this.link = setTimeout(() => this.remember(), 200);
    if (this.ready && parent !== window) parent.postMessage({ step: k }, "*");
  }

  mark(k, done) {
    const { node, phase } = this.steps[k];
    this.drawing.mark(node, this.recording.nodes[node].parents, phase, done);
    this.strip.mark(this.steps[k], done);
  }

  linked() {
    const found = /^#step=(\d+)$/.exec(location.hash);
    return found ? Number(found[1]) : null;
  }

  remember() {
    try {
      history.replaceState(null, "", `#step=${this.at}`);
    } catch {
      // A page within a notebook has no address of its own.
    }
  }

  /** The next step about a node, first in this phase; for a weight, the next that adds to it. */
  goToNode(node) {
    const { nodes } = this.recording;
    const reads = (step) => !nodes[node].op && nodes[step.node].parents.includes(node);
    const about = (k) => this.steps[k].node === node || reads(this.steps[k]);
    const all = this.steps.map((_, k) => k).filter(about);
    const here = all.filter((k) => this.steps[k].phase === this.step.phase);
    const list = here.length ? here : all;
    if (list.length) this.go(list.find((k) => k > this.at) ?? list[0]);
    return list.length > 0;
  }

  /** The step of the same node in the other phase. */
  toPhase(phase) {
    if (phase === this.step.phase) return;
    const { node, t } = this.step;
    const there = (step) => step.phase === phase;
    const same = this.steps.findIndex((step) => there(step) && step.node === node);
    const near = this.steps.findIndex((step) => there(step) && step.t === t);
    const any = this.steps.findIndex(there);
    this.go([same, near, any].find((k) => k >= 0) ?? this.at);
  }

  toTime(t) {
    const here = this.steps.findIndex((step) => step.t === t && step.phase === this.step.phase);
    const any = this.steps.findIndex((step) => step.t === t);
    if (here >= 0 || any >= 0) this.go(here >= 0 ? here : any);
  }

  byTime(direction) {
    const t = this.step.t;
    for (let k = this.at; k >= 0 && k < this.steps.length; k += direction) {
      if (this.steps[k].t !== t || this.steps[k].phase !== this.step.phase) return this.go(k);
    }
    this.go(direction > 0 ? this.steps.length - 1 : 0);
  }

  search(text) {
    const wanted = text.trim().toLowerCase();
    const { nodes } = this.recording;
    const names = nodes.map((node) => node.name.toLowerCase());
    const count = names.length;
    const from = (this.found ?? -1) + 1;
    const places = [...Array(count).keys()].map((k) => (k + from) % count);
    const exact = names.indexOf(wanted);
    const has = (k) => names[k].includes(wanted) && this.steps.some((step) => step.node === k);
    const hit = exact >= 0 || !wanted ? exact : places.find(has);
    this.found = hit;
    const there = hit !== undefined && hit >= 0 && this.goToNode(hit);
    $("searched").textContent = there || !wanted ? "" : `no step of “${text.trim()}”`;
  }

  play(on) {
    clearTimeout(this.timer);
    this.playing = on && this.at < this.steps.length - 1;
    $("play").textContent = this.playing ? "pause" : "play";
    $("sentence").setAttribute("aria-live", this.playing ? "off" : "polite");
    if (!this.playing) return;
    this.timer = setTimeout(() => {
      this.go(this.at + 1);
      this.play(true);
    }, 1000 / Number($("speed").value));
  }

  again() {
    this.ledger.build();
    this.panel.show(this.at);
  }

  listen() {
    const press = (id, act) => $(id).addEventListener("click", act);
    press("first", () => this.go(0));
    press("previous", () => this.go(this.at - 1));
    press("next", () => this.go(this.at + 1));
    press("last", () => this.go(this.steps.length - 1));
    press("play", () => this.play(!this.playing));
    press("forward", () => this.toPhase("forward"));
    press("backward", () => this.toPhase("backward"));
    press("in", () => this.drawing.zoom(1.3));
    press("out", () => this.drawing.zoom(1 / 1.3));
    press("fit", () => this.drawing.fit());
    press("ask", () => $("help").showModal());
    press("close", () => $("help").close());
    $("slider").max = this.steps.length - 1;
    $("slider").addEventListener("input", (event) => this.go(Number(event.target.value), false));
    $("follow").addEventListener("change", () => this.go(this.at));
    $("scale").addEventListener("change", () => this.again());
    for (const t of this.strip.times) $("time").append(element("option", { value: t, textContent: t }));
    $("time").closest("label").hidden = !this.strip.times.length;
    $("time").addEventListener("change", (event) => this.toTime(Number(event.target.value)));
    $("search").addEventListener("change", (event) => this.search(event.target.value));
    $("search").addEventListener("focus", () => this.offerNames(), { once: true });
    addEventListener("hashchange", () => this.linked() !== null && this.go(this.linked()));
    addEventListener("message", ({ data }) => {
      if (Number.isInteger(data?.step) && data.step !== this.at) this.go(data.step);
    });
    addEventListener("keydown", (event) => this.key(event));
  }

  offerNames() {
    const names = new Set(this.recording.nodes.map((node) => node.name));
    $("names").append(...[...names].map((value) => element("option", { value })));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
    const { target } = event;
    if (target.matches("input[type=search], select")) return;
    if (event.key === " " && target.matches("button, summary, input[type=checkbox]")) return;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const [dx, dy] = (event.shiftKey && way[event.key]) || [0, 0];
    const acts = {
      ArrowRight: () => this.go(this.at + 1),
      ArrowLeft: () => this.go(this.at - 1),
      Home: () => this.go(0),
      End: () => this.go(this.steps.length - 1),
      " ": () => this.play(!this.playing),
      "[": () => this.byTime(-1),
      "]": () => this.byTime(1),
      b: () => this.firstBackward >= 0 && this.go(this.firstBackward),
      x: () => this.toPhase(this.step.phase === "forward" ? "backward" : "forward"),
      n: () => { this.panel.open = !this.panel.open; this.panel.show(this.at); },
      "/": () => $("search").focus(),
      "+": () => this.drawing.zoom(1.3),
      "-": () => this.drawing.zoom(1 / 1.3),
      0: () => this.drawing.fit(),
      "?": () => $("help").showModal(),
    };
    const act = dx || dy ? () => this.drawing.pan(dx / 10, dy / 10) : acts[event.key];
    if (!act) return;
    event.preventDefault();
    if (this.playing && event.key !== " ") this.play(false);
    act();
  }
}

window.stepper = new Stepper(JSON.parse($("recording").textContent));
