// Arrays of the recording: unpacked when first looked at, shown as heatmaps and as numbers.

const NEGATIVE = [11, 95, 165];
const POSITIVE = [181, 66, 10];
const ODD = [200, 0, 200];
const DECADES = 1e4;

let halves = null;

function halfTable() {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction;
    table[bits] = bits & 32768 ? -size : size;
  }
  return table;
}

export class Arrays {
  constructor(packed) {
    this.packed = packed;
    this.unpacked = new Map();
  }

  /** { shape, data } or { shape, summary }; null for the number -1. */
  get(k) {
    if (k == null || k < 0) return null;
    if (!this.unpacked.has(k)) this.unpacked.set(k, unpack(this.packed[k]));
    return this.unpacked.get(k);
  }
}

function unpack(packed) {
  if (packed.n !== undefined) return { shape: packed.s, summary: packed };
  const text = atob(packed.d);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  if (!packed.m) return { shape: packed.s, data: new Float32Array(bytes.buffer) };
  halves ??= halfTable();
  const bits = new Uint16Array(bytes.buffer);
  const data = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) data[i] = halves[bits[i]] * packed.m;
  return { shape: packed.s, data };
}

/** The sum of arrays of one shape; null if any of them was only summarised. */
export function sum(arrays) {
  if (!arrays.length || arrays.some((a) => !a || !a.data)) return null;
  const total = Float32Array.from(arrays[0].data);
  for (const { data } of arrays.slice(1)) for (let i = 0; i < data.length; i++) total[i] += data[i];
  return { shape: arrays[0].shape, data: total };
}

export function number(v) {
  if (!Number.isFinite(v)) return String(v);
  if (v === 0) return "0";
  const size = Math.abs(v);
  return size >= 1e-3 && size < 1e4 ? String(Number(v.toPrecision(3))) : v.toExponential(1);
}

export function norm(array) {
  if (array.summary) return array.summary.n;
  let squares = 0;
  for (const v of array.data) squares += v * v;
  return Math.sqrt(squares);
}

export const shapeText = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

function sides(shape) {
  const columns = shape.length ? shape[shape.length - 1] : 1;
  return [shape.slice(0, -1).reduce((a, b) => a * b, 1), columns];
}

function largest(data) {
  let most = 0;
  for (const v of data) if (Math.abs(v) > most && Number.isFinite(v)) most = Math.abs(v);
  return most;
}

/** Paint an array: zero is white, negative blue, positive vermilion, NaN and infinity magenta. */
export function paint(canvas, array, scale, log) {
  const [rows, columns] = sides(array.shape);
  canvas.width = Math.max(columns, 1);
  canvas.height = Math.max(rows, 1);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const most = scale ?? largest(array.data);
  const depth = Math.log1p(DECADES);
  for (let i = 0; i < array.data.length; i++) {
    const v = array.data[i];
    const finite = Number.isFinite(v);
    let share = finite ? (most ? Math.min(Math.abs(v) / most, 1) : 0) : 1;
    if (log) share = Math.log1p(share * DECADES) / depth;
    const ink = finite ? (v < 0 ? NEGATIVE : POSITIVE) : ODD;
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = 255 + (ink[c] - 255) * share;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child != null));
  return made;
}

/** A heatmap that tells the number, its index and its name under the pointer. */
export function heatmap(array, name, { scale, log, width = 320, height = 132 }) {
  const canvas = element("canvas", { className: "heat" });
  canvas.setAttribute("role", "img");
  const [rows, columns] = sides(array.shape);
  canvas.style.width = `${Math.max(Math.min(22 * columns, width), 8)}px`;
  canvas.style.height = `${Math.max(Math.min(22 * rows, height), 8)}px`;
  canvas.setAttribute("aria-label", `${name}, ${shapeText(array.shape)}, ${range(array)}`);
  paint(canvas, array, scale, log);
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const place = (from, size, count) =>
      Math.max(0, Math.min(count - 1, Math.floor((from / size) * count)));
    const i = place(event.clientY - box.top, box.height, rows);
    const j = place(event.clientX - box.left, box.width, columns);
    const index = array.shape.length > 1 ? `${i}, ${j}` : array.shape.length ? `${j}` : "";
    tell(event, `${name}[${index}] = ${number(array.data[i * columns + j])}`);
  };
  canvas.addEventListener("pointermove", at);
  canvas.addEventListener("pointerdown", at);
  canvas.addEventListener("pointerleave", () => tell(null));
  return canvas;
}

function tell(event, text) {
  const tip = document.getElementById("tip");
  tip.hidden = !event;
  if (!event) return;
  tip.textContent = text;
  const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, room))}px`;
  tip.style.top = `${Math.max(4, event.clientY - 34)}px`;
}

function range(array) {
  let low = Infinity;
  let high = -Infinity;
  for (const v of array.data) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return `from ${number(low)} to ${number(high)}`;
}

/** What an array holds, in words: all numbers of a small one, the extent of a large one. */
export function inNumbers(array, open, small) {
  if (array.summary) {
    const s = array.summary;
    const parts = [["norm", s.n], ["min", s.a], ["max", s.b], ["mean", s.e]];
    const told = parts.map(([word, v]) => `${word} ${number(v)}`).join(", ");
    return element("p", { className: "numbers", textContent: `summarised: ${told}` });
  }
  const [rows, columns] = sides(array.shape);
  if (columns <= (small ? 4 : 8) && rows <= 4) return table(array, false);
  if (small && !open) {
    return element("small", { className: "numbers", textContent: `norm ${number(norm(array))}` });
  }
  const told = `${array.data.length} numbers ${range(array)}, norm ${number(norm(array))}`;
  const summary = element("summary", { textContent: told });
  const details = element("details", { className: "numbers", open }, summary);
  const fill = () => {
    if (details.open && details.children.length < 2) details.append(table(array, true));
  };
  details.addEventListener("toggle", fill);
  fill();
  return details;
}

function table(array, headed) {
  const [rows, columns] = sides(array.shape);
  const shown = Math.min(rows, 64);
  const body = element("table", { className: "numbers" });
  for (let i = 0; i < shown; i++) {
    const row = body.insertRow();
    for (let j = 0; j < Math.min(columns, 64); j++) {
      const v = array.data[i * columns + j];
      const cell = row.insertCell();
      cell.textContent = number(v);
      if (headed) cell.title = `[${i}, ${j}]`;
    }
  }
  const cut = shown < rows || columns > 64;
  return element("div", { className: "scroll" }, body, cut ? "… the first 64 rows and columns" : null);
}
