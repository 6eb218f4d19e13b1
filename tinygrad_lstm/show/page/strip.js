// The strip of timesteps: fills left to right going forward, right to left going backward.

import { element } from "./arrays.js";

export class Strip {
  constructor(host, recording, go) {
    const times = recording.steps.map((step) => step.t).filter((t) => t != null);
    this.times = [...new Set(times)].sort((a, b) => a - b);
    this.cells = new Map();
    const first = recording.steps.findIndex((step) => step.t != null);
    this.placeOf = new Map();
    recording.steps.forEach((step, k) => {
      if (step.phase === "forward") this.placeOf.set(step.node, step.t ?? (k < first ? "before" : "after"));
    });
    const places = new Set(this.placeOf.values());
    const all = ["before", ...this.times, "after"].filter((place) => places.has(place));
    const every = Math.ceil(all.length / 30);
    all.forEach((place, k) => host.append(this.cell(place, recording, go, k % every === 0)));
  }

  cell(place, recording, go, labelled) {
    const word = typeof place === "number" ? `t = ${place}` : this.times.length ? place : "the graph";
    const short = labelled ? word.replace("t = ", "") : "";
    const bars = ["forward", "backward"].map((phase) => element("span", { className: `bar ${phase}` }));
    const cell = element("button", { type: "button", className: "time", tabIndex: -1, title: word }, ...bars,
      element("span", { className: "word", textContent: short }));
    const [forward, backward] = bars;
    const total = { forward: 0, backward: 0 };
    const mine = (step) => this.placeOf.get(step.node) === place;
    for (const step of recording.steps) if (mine(step)) total[step.phase] += 1;
    this.cells.set(place, { cell, forward, backward, total, done: { forward: 0, backward: 0 } });
    cell.addEventListener("click", () => {
      const k = recording.steps.findIndex((step) => mine(step) && step.phase === document.body.dataset.phase);
      if (k >= 0) go(k);
    });
    return cell;
  }

  mark(step, done) {
    const cell = this.cells.get(this.placeOf.get(step.node));
    cell.done[step.phase] += done ? 1 : -1;
    cell[step.phase].style.width = `${(100 * cell.done[step.phase]) / cell.total[step.phase]}%`;
  }

  show(step) {
    this.now?.removeAttribute("aria-current");
    this.now = this.cells.get(this.placeOf.get(step.node)).cell;
    this.now.setAttribute("aria-current", "step");
  }
}
