// The gradient of one shared weight: a heatmap for each timestep, and their sum so far.

import { element, heatmap, norm, number, sum } from "./arrays.js";

export class Ledger {
  constructor(host, recording, look, go) {
    Object.assign(this, { host, recording, look, go });
    this.choice = host.querySelector("select");
    this.cells = host.querySelector(".cells");
    this.total = host.querySelector(".total");
    const weights = recording.nodes.map((node, k) => ({ node, k })).filter(({ node, k }) => {
      return node.is === "weight" && recording.receipts[k].length > 0;
    });
    for (const { node, k } of weights) {
      this.choice.append(element("option", { value: k, textContent: `${node.name} ${node.shape}` }));
    }
    host.hidden = !weights.length;
    const matrices = weights.filter(({ node }) => !node.shape.endsWith(",)"));
    const most = (a, b) => recording.receipts[b.k].length - recording.receipts[a.k].length;
    const [first] = [...(matrices.length ? matrices : weights)].sort(most);
    const recurrent = matrices.find(({ node }) => this.readsItsPast(node));
    const chosen = recurrent ?? first;
    if (chosen) this.choice.value = chosen.k;
    this.choice.addEventListener("change", () => this.build());
    this.build();
  }

  /** Whether it meets, in some timestep, what another timestep made. */
  readsItsPast(weight) {
    const { nodes, steps } = this.recording;
    const time = new Map(steps.map(({ node, t }) => [node, t]));
    const k = nodes.indexOf(weight);
    return steps.some(({ node, t, phase }) => {
      const { parents } = nodes[node];
      const past = (p) => time.get(p) != null && time.get(p) !== t;
      return phase === "forward" && t != null && parents.includes(k) && parents.some(past);
    });
  }

  build() {
    this.weight = Number(this.choice.value);
    const receipts = this.recording.receipts[this.weight] ?? [];
    const shape = receipts.length ? this.recording.arrays.packed[receipts[0].g].s : [];
    const height = shape.length > 1 ? Math.min(60, 22 * shape[0]) : 24;
    this.total.style.minHeight = `${height + 66}px`;
    const when = ({ t }) => t ?? Infinity;
    const times = [...receipts].sort((a, b) => when(a) - when(b) || b.step - a.step);
    this.parts = times.map((receipt) => {
      const where = receipt.t == null ? "outside time" : `t = ${receipt.t}`;
      const sheet = element("span", { className: "sheet" });
      sheet.style.minHeight = `${height}px`;
      const size = element("span", { className: "norm" });
      const cell = element("button", { type: "button", className: "part", tabIndex: -1 },
        element("span", { textContent: where }), sheet, size);
      cell.addEventListener("click", () => this.go(receipt.step));
      return { receipt, where, cell, sheet, size, filled: false };
    });
    this.cells.replaceChildren(...this.parts.map((part) => part.cell));
    this.shown = null;
    if (this.at !== undefined) this.show(this.at);
  }

  /** Fill in what has been sent up to this step. */
  show(at) {
    this.at = at;
    if (!this.parts.length) return;
    const arrived = this.parts.filter(({ receipt }) => receipt.step <= at);
    for (const part of this.parts) {
      const filled = part.receipt.step <= at;
      if (filled && !part.filled) this.fill(part);
      part.filled ||= filled;
      part.cell.classList.toggle("empty", !filled);
      part.cell.classList.toggle("current", part.receipt.step === at);
    }
    if (this.shown === arrived.length) return;
    this.shown = arrived.length;
    const latest = arrived.reduce((a, b) => (a && a.receipt.step > b.receipt.step ? a : b), null);
    this.reveal((latest ?? this.parts[this.parts.length - 1]).cell);
    const name = this.recording.nodes[this.weight].name;
    const whole = arrived.length === this.parts.length;
    const told = arrived.length
      ? `${arrived.length} of ${this.parts.length} contributions`
      : "nothing has arrived: it fills in the backward pass";
    const total = this.recording.total(this.weight, at);
    this.total.replaceChildren(
      element("strong", { textContent: whole ? `sum = dL/d${name}` : "sum so far" }),
      element("span", { textContent: told }),
    );
    if (!total) return;
    const look = { ...this.look("weight gradient"), width: 150, height: 60 };
    if (total.data) this.total.append(heatmap(total, `dL/d${name}`, look));
    const size = `norm ${number(norm(total))}`;
    this.total.append(element("span", { className: "norm", textContent: size }));
  }

  fill({ receipt, where, sheet, size }) {
    const part = this.recording.arrays.get(receipt.g);
    const name = `contribution of ${where}`;
    const look = { ...this.look("weight gradient"), width: 74, height: 60 };
    if (part.data) sheet.append(heatmap(part, name, look));
    size.textContent = number(norm(part));
  }

  reveal(cell) {
    const [left, right] = [cell.offsetLeft - this.cells.offsetLeft, cell.offsetWidth];
    const { scrollLeft, clientWidth } = this.cells;
    if (left < scrollLeft || left + right > scrollLeft + clientWidth) {
      this.cells.scrollLeft = left - clientWidth / 2;
    }
  }
}

/** The steps at which each node received something, and what it has received by a step. */
export class Recording {
  constructor(data, arrays) {
    Object.assign(this, data);
    this.arrays = arrays;
    this.receipts = this.nodes.map(() => []);
    this.totals = new Map();
    this.steps.forEach((step, k) => {
      for (const part of step.sent ?? []) {
        const { g, after } = part;
        if (g >= 0) this.receipts[part.to].push({ step: k, t: step.t, g, after });
      }
    });
  }

  /** The running total at a node after step `at`, with the first `more` receipts of the next. */
  total(node, at, more = 0) {
    const receipts = this.receipts[node];
    let count = receipts.filter(({ step }) => step <= at).length + more;
    const seed = this.nodes[node].seed;
    const last = receipts[count - 1];
    if (last && last.after >= 0) return this.arrays.get(last.after);
    const parts = [seed, ...receipts.slice(0, count).map(({ g }) => g)].filter((k) => k >= 0);
    const known = this.totals.get(node) ?? [];
    this.totals.set(node, known);
    for (let k = known.length; k < parts.length; k++) {
      const part = this.arrays.get(parts[k]);
      known.push(k ? sum([known[k - 1], part]) : part);
    }
    return known[parts.length - 1] ?? null;
  }
}
