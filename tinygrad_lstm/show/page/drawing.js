// The unrolled drawing: a camera over it, and what is done, lit and travelling in it.

const MARGIN = 28;
const NAMES = new Map([["forward", "fwd"], ["backward", "bwd"]]);

export class Drawing {
  constructor(host, pick) {
    this.host = host;
    this.svg = host.querySelector("svg");
    const box = this.svg.viewBox.baseVal;
    this.whole = { x: box.x, y: box.y, w: box.width, h: box.height };
    this.svg.removeAttribute("width");
    this.svg.removeAttribute("height");
    this.svg.removeAttribute("style");
    this.nodes = new Map();
    for (const node of this.svg.querySelectorAll("g.node")) {
      const [main, reader] = node.id.slice(2).split("-");
      this.nodes.set(reader ? `${main}-${reader}` : main, node);
    }
    this.edges = new Map();
    for (const path of this.svg.querySelectorAll("path[data-from]")) {
      const key = `${path.dataset.from}>${path.dataset.to}`;
      this.edges.set(key, [...(this.edges.get(key) ?? []), path]);
    }
    this.lit = [];
    this.frame = 0;
    this.listen(pick);
    this.reset();
  }

  /** The pictures of a node: its box, or for a weight its box beside the reader. */
  box(node, reader) {
    return this.nodes.get(`n${node}-n${reader}`) ?? this.nodes.get(`n${node}`);
  }

  paths(parent, node) {
    return (
      this.edges.get(`n${parent}>n${node}`) ?? this.edges.get(`n${parent}-n${node}>n${node}`) ?? []
    );
  }

  /** Shade a node and its arrows as done in this phase, or take that back. */
  mark(node, parents, phase, done) {
    const name = NAMES.get(phase);
    this.box(node)?.classList.toggle(name, done);
    for (const parent of parents) {
      for (const path of this.paths(parent, node)) path.classList.toggle(name, done);
      const weight = this.nodes.get(`n${parent}-n${node}`);
      weight?.classList.toggle(name, done);
    }
  }

  /** Light the current node and the arrows along which something travels. */
  light(node, parents, phase) {
    for (const [shown, ...names] of this.lit) shown.classList.remove(...names);
    this.lit = [];
    const add = (shown, ...names) => {
      if (!shown) return;
      shown.classList.add(...names);
      this.lit.push([shown, ...names]);
    };
    const name = `${NAMES.get(phase)}-now`;
    for (const parent of parents) {
      for (const path of this.paths(parent, node)) add(path, "travelling", name);
      add(this.box(parent, node), phase === "backward" ? "receives" : "gives");
    }
    add(this.box(node), "now", name);
  }

  place(node) {
    const box = this.box(node);
    const shape = box?.querySelector("rect");
    if (!shape) return null;
    const [x, y, w, h] = ["x", "y", "width", "height"].map((n) => Number(shape.getAttribute(n)));
    return { x, y, w, h };
  }

  get aspect() {
    return this.host.clientHeight / Math.max(this.host.clientWidth, 1) || 0.6;
  }

  get height() {
    return this.view.w * this.aspect;
  }

  /** Fit the height if its words stay legible, else a part of it. */
  reset() {
    const perPixel = Math.min(this.whole.h / Math.max(this.host.clientHeight, 1), 1.5);
    this.view = { x: this.whole.x, y: this.whole.y, w: this.host.clientWidth * perPixel || 600 };
    this.apply();
  }

  fit() {
    this.view.w = Math.max(this.whole.w, this.whole.h / this.aspect);
    this.view.x = this.whole.x + (this.whole.w - this.view.w) / 2;
    this.view.y = this.whole.y + (this.whole.h - this.height) / 2;
    this.apply();
  }

  zoom(factor, at) {
    const wide = Math.max(this.whole.w, this.whole.h / this.aspect);
    const w = Math.min(Math.max(this.view.w / factor, 160), Math.max(wide * 1.2, 300));
    const [fx, fy] = at ?? [0.5, 0.5];
    this.view.x += (this.view.w - w) * fx;
    this.view.y += (this.view.w - w) * this.aspect * fy;
    this.view.w = w;
    this.apply();
  }

  pan(dx, dy) {
    cancelAnimationFrame(this.frame);
    this.view.x += dx * this.view.w;
    this.view.y += dy * this.view.w;
    this.apply();
  }

  apply() {
    const { x, y, w } = this.view;
    this.svg.setAttribute("viewBox", `${x} ${y} ${w} ${this.height}`);
  }

  /** Move as little as keeps the node, with room around it, in view. */
  follow(node, smooth) {
    const at = this.place(node);
    if (!at) return;
    const { x, y, w } = this.view;
    const h = this.height;
    const room = [Math.min(w * 0.22, 220), Math.min(h * 0.14, MARGIN * 2)];
    const target = {
      x: within(x, w, at.x - room[0], at.x + at.w + room[0]),
      y: within(y, h, at.y - room[1], at.y + at.h + room[1]),
    };
    if (h >= this.whole.h) target.y = this.whole.y + (this.whole.h - h) / 2;
    const seen = at.x >= x && at.y >= y && at.x + at.w <= x + w && at.y + at.h <= y + h;
    cancelAnimationFrame(this.frame);
    if (smooth && seen) return this.glide(target);
    Object.assign(this.view, target);
    this.apply();
  }

  glide(target) {
    const start = { ...this.view };
    const begun = performance.now();
    const move = (now) => {
      const part = Math.min(1, (now - begun) / 180);
      const eased = part * (2 - part);
      this.view.x = start.x + (target.x - start.x) * eased;
      this.view.y = start.y + (target.y - start.y) * eased;
      this.apply();
      if (part < 1) this.frame = requestAnimationFrame(move);
    };
    this.frame = requestAnimationFrame(move);
  }

  listen(pick) {
    let from = null;
    let moved = 0;
    this.host.addEventListener("pointerdown", (event) => {
      from = [event.clientX, event.clientY];
      moved = 0;
    });
    addEventListener("pointermove", (event) => {
      if (!from || !event.buttons) return;
      const [dx, dy] = [event.clientX - from[0], event.clientY - from[1]];
      moved += Math.abs(dx) + Math.abs(dy);
      from = [event.clientX, event.clientY];
      if (moved > 4) this.pan(-dx / this.host.clientWidth, -dy / this.host.clientWidth);
    });
    addEventListener("pointerup", () => (from = null));
    this.host.addEventListener("click", (event) => {
      const node = event.target.closest("g.node");
      if (node && moved <= 4) pick(Number(node.id.slice(3).split("-")[0]));
    });
    this.host.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.shiftKey && matchMedia("(max-width: 800px)").matches) return;
        event.preventDefault();
        const box = this.host.getBoundingClientRect();
        const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
        this.zoom(Math.exp(-event.deltaY / 500), at);
      },
      { passive: false },
    );
    new ResizeObserver(() => this.apply()).observe(this.host);
  }
}

function within(start, size, low, high) {
  if (high - low > size) return (low + high - size) / 2;
  if (low < start) return low;
  return high > start + size ? high - size : start;
}
