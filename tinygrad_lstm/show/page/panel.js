// One step in formulas and numbers.

import { element, heatmap, inNumbers, shapeText } from "./arrays.js";

/** Formulas by KaTeX; whatever it cannot set stays readable as text. */
export function math(tex, plain, display = false) {
  const place = element("span", { className: display ? "math display" : "math" });
  try {
    const limits = { throwOnError: true, trust: false, strict: false, maxSize: 20, maxExpand: 100 };
    katex.render(tex, place, { displayMode: display, ...limits });
  } catch {
    place.textContent = plain;
  }
  return place;
}

const partial = (node) => `\\frac{\\partial L}{\\partial ${node.tex}}`;

export class Panel {
  constructor(host, recording, look) {
    Object.assign(this, { host, recording, look, open: false });
  }

  show(k) {
    const step = this.recording.steps[k];
    const node = this.recording.nodes[step.node];
    const forward = step.phase === "forward";
    const parts = forward ? this.forward(step, node) : this.backward(step, node, k);
    this.host.replaceChildren(...parts);
    this.host.scrollTop = 0;
  }

  forward(step, node) {
    const { nodes } = this.recording;
    const inputs = node.parents.map((p) => this.value(nodes[p]));
    return [
      this.head("Formula", math(step.tex, step.said, true), node),
      element("h3", { textContent: inputs.length > 1 ? "Inputs" : "Input" }),
      element("div", { className: "cards" }, ...inputs),
      element("h3", { textContent: "Output" }),
      this.value(node),
    ];
  }

  backward(step, node, k) {
    const arriving = this.recording.arrays.get(step.arriving);
    const bar = { tex: partial(node), name: `dL/d${node.name}`, kind: "gradient" };
    return [
      this.head("Since", math(step.tex, node.name, true), node),
      element("h3", { textContent: "Arriving gradient" }),
      this.card(arriving, bar),
      ...step.sent.map((part, place) => this.sent(step, part, k, bar, arriving, place)),
    ];
  }

  sent(step, part, k, bar, arriving, place) {
    const { nodes } = this.recording;
    const parent = nodes[part.to];
    const title = element("h3", {}, "To ", math(parent.tex, parent.name));
    if (part.g < 0) {
      return element("section", { className: "sent" }, title,
        element("p", { textContent: "no gradient flows this way" }));
    }
    const kind = parent.is === "weight" ? "weight gradient" : "gradient";
    const name = `dL/d${parent.name}`;
    const formula = part.tex && `${partial(parent)} \\mathrel{+}= ${part.tex}`;
    const rule = formula && element("div", { className: "wide" }, math(formula, name, true));
    const product = this.product(part, bar, arriving, `contribution to ${name}`, kind);
    const sum = this.sum(step, part, k, kind, name, place);
    return element("section", { className: "sent" }, title, rule || null, product, sum);
  }

  /** Arriving gradient x local derivative = contribution, where it is a product entry by entry. */
  product(part, bar, arriving, name, kind) {
    const { arrays } = this.recording;
    const local = arrays.get(part.local);
    const contribution = this.card(arrays.get(part.g), { label: "contribution", name, kind }, 150);
    if (!local) return element("div", { className: "product" }, contribution);
    const factor = { label: "local derivative", name: "local derivative", kind: "local" };
    return element("div", { className: "product" },
      this.card(arriving, { label: "arriving", ...bar, tex: null }, 110),
      element("span", { className: "pair" }, sign("×"), this.card(local, factor, 110)),
      element("span", { className: "pair" }, sign("="), contribution));
  }

  /** At a fan-out: what was there, what came, and how many are still to come. */
  sum(step, part, k, kind, name, place) {
    if (part.of < 2 && this.recording.nodes[part.to].seed < 0) return null;
    const earlier = step.sent.slice(0, place);
    const already = earlier.filter((other) => other.to === part.to && other.g >= 0).length;
    const before = this.recording.total(part.to, k - 1, already);
    const after = this.recording.total(part.to, k - 1, already + 1);
    const pips = element("span", { className: "pips" });
    pips.setAttribute("aria-hidden", "true");
    for (let i = 0; i < Math.min(part.of, 60); i++) {
      const className = i === part.k - 1 ? "new" : i < part.k ? "in" : "";
      pips.append(element("i", { className }));
    }
    const told = `contribution ${part.k} of ${part.of}`;
    const small = (array, label) =>
      array
        ? this.card(array, { label, name: `${label} of ${name}`, kind }, 110)
        : element("span", { className: "nothing", textContent: "nothing yet" });
    const now = part.k === part.of ? "complete" : "now";
    return element("div", { className: "sum" },
      element("p", {}, "Running sum: ", told, " ", pips),
      element("div", { className: "product" }, small(before, "before"), sign("+"),
        element("span", { className: "this", textContent: "this" }), sign("="), small(after, now)));
  }

  head(word, formula, node) {
    const facts = [node.op, node.shape, node.where && `written at ${node.where}`];
    const about = facts.filter(Boolean).join(" · ");
    return element("div", { className: "formula" },
      element("h3", { textContent: word }), element("div", { className: "wide" }, formula),
      element("p", { className: "about", textContent: about }));
  }

  value(node) {
    const array = this.recording.arrays.get(node.value);
    const kind = node.kind;
    return this.card(array, { tex: node.tex, name: node.name, kind });
  }

  card(array, { tex, name, label, kind }, width = 300) {
    const caption = element("figcaption", {}, tex ? math(tex, name) : (label ?? name));
    const card = element("figure", { className: "card" }, caption);
    if (!array) return card;
    caption.append(element("small", { textContent: ` ${shapeText(array.shape)}` }));
    const height = width > 200 ? 120 : 84;
    if (array.data) card.append(heatmap(array, name, { ...this.look(kind), width, height }));
    card.append(inNumbers(array, this.open, width < 200));
    return card;
  }
}

const sign = (text) => element("span", { className: "sign", textContent: text });
