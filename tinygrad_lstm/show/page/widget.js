// The page in a frame; its step and the model's follow each other.
export default {
  render({ model, el }) {
    el.innerHTML = model.get("frame");
    const frame = el.querySelector("iframe");
    const show = () => frame.contentWindow?.postMessage({ step: model.get("step") }, "*");
    const hear = (event) => {
      if (event.source !== frame.contentWindow || !Number.isInteger(event.data?.step)) return;
      model.set("step", event.data.step);
      model.save_changes();
    };
    addEventListener("message", hear);
    model.on("change:step", show);
    frame.addEventListener("load", show);
    return () => removeEventListener("message", hear);
  },
};
