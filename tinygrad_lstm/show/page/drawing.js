// The unrolled drawing: a camera over it, and what is done, lit and travelling in it.

const MARGIN = 28;
const NAMES = new Map([["forward", "fwd"], ["backward", "bwd"]]);

export class Drawing {
  constructor(host, pick) {
    this.host = host;
    this.svg = host.querySelector("svg");
    const box = this.svg.viewBox.baseVal;
    this.whole = { x: box.x, y: box.y, w: box.width, h: box.height };
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
    this.addTip();
    this.measure();
    this.listen(pick);
    this.reset();
  }

  /** The head of an arrow that points back to where the values came from. */
  addTip() {
    const tip = document.createElementNS(this.svg.namespaceURI, "marker");
    const look = { id: "back", viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 9, markerHeight: 9,
      markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" };
    for (const [name, value] of Object.entries(look)) tip.setAttribute(name, value);
    const head = document.createElementNS(this.svg.namespaceURI, "path");
    head.setAttribute("d", "M0 0.6 8 4 0 7.4z");
    tip.append(head);
    this.svg.append(tip);
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

  /** The part of its arrows that all that it reads share: the lane of a node after all steps. */
  own(node) {
    return this.edges.get(`n${node}>n${node}`) ?? [];
  }

  /** Shade a node and its arrows as done in this phase, or take that back. */
  mark(node, parents, phase, done) {
    const name = NAMES.get(phase);
    this.box(node)?.classList.toggle(name, done);
    for (const path of this.own(node)) path.classList.toggle(name, done);
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
    for (const path of this.own(node)) add(path, "travelling", name);
    add(this.box(node), "now", name);
  }

  place(box) {
    const shape = box?.querySelector("rect");
    if (!shape) return null;
    const [x, y, w, h] = ["x", "y", "width", "height"].map((n) => Number(shape.getAttribute(n)));
    return { x, y, w, h };
  }

  /** Asked once per size, for a question about sizes makes the browser lay out the page. */
  measure() {
    this.size = { w: this.host.clientWidth, h: this.host.clientHeight };
  }

  get aspect() {
    return this.size.h / Math.max(this.size.w, 1) || 0.6;
  }

  get height() {
    return this.view.w * this.aspect;
  }

  /** Fit the height if its words stay legible, else a part of it. */
  reset() {
    const perPixel = Math.min(this.whole.h / Math.max(this.size.h, 1), 1.5);
    this.view = { x: this.whole.x, y: this.whole.y, w: this.size.w * perPixel || 600 };
    this.apply();
  }

  fit() {
    this.kept = null;
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
    this.kept = null;
    cancelAnimationFrame(this.frame);
    this.view.x += dx * this.view.w;
    this.view.y += dy * this.view.w;
    this.apply();
  }

  /** By a transform of the whole: another viewBox would have every word laid out anew. */
  apply() {
    const { x, y, w } = this.view;
    const scale = this.size.w / w;
    const [dx, dy] = [(this.whole.x - x) * scale, (this.whole.y - y) * scale];
    this.svg.style.transform = `translate(${dx}px, ${dy}px) scale(${scale})`;
  }

  /** The node with those parents that fit into the view together with it. */
  scene(node, parents) {
    let all = this.place(this.box(node));
    for (const parent of all ? parents : []) {
      const other = this.place(this.box(parent, node));
      if (!other) continue;
      const [x, y] = [Math.min(all.x, other.x), Math.min(all.y, other.y)];
      const w = Math.max(all.x + all.w, other.x + other.w) - x;
      const h = Math.max(all.y + all.h, other.y + other.h) - y;
      if (w < this.view.w * 0.9 && h < this.height * 0.9) all = { x, y, w, h };
    }
    return all;
  }

  /** Move as little as keeps the node, with room around it, in view. */
  follow(node, parents, smooth) {
    this.kept = [node, parents];
    const at = this.scene(node, parents);
    if (!at) return;
    const { x, y, w } = this.view;
    const h = this.height;
    const room = [Math.min(w * 0.15, (w - at.w) / 2), Math.min(MARGIN, (h - at.h) / 2)];
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
      if (moved > 4) this.pan(-dx / this.size.w, -dy / this.size.w);
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
    new ResizeObserver(() => {
      this.measure();
      this.apply();
      if (this.kept) this.follow(...this.kept, false);
    }).observe(this.host);
  }
}

function within(start, size, low, high) {
  if (high - low > size) return (low + high - size) / 2;
  if (low < start) return low;
  return high > start + size ? high - size : start;
}
