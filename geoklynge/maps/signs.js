"use strict";
/*
 * Signs: a shape and a colour for each kind of service, on the map and in lists. Kinds differ in shape, too: they are
 * told apart without colours.
 */
const Signs = (() => {
  const { data } = Words;
  // corners on a circle of radius 1, first at the top; none is a circle
  const polygon = (corners, turn = 0) => Array.from({ length: corners }, (_, k) => {
    const angle = turn + (2 * Math.PI * k) / corners - Math.PI / 2;
    return [Math.cos(angle), Math.sin(angle)];
  });
  const cross = [[-0.35, -1], [0.35, -1], [0.35, -0.35], [1, -0.35], [1, 0.35], [0.35, 0.35], [0.35, 1], [-0.35, 1],
    [-0.35, 0.35], [-1, 0.35], [-1, -0.35], [-0.35, -0.35]];
  const star = Array.from({ length: 10 }, (_, k) => {
    const [angle, far] = [(Math.PI * k) / 5 - Math.PI / 2, k % 2 ? 0.45 : 1.1];
    return [far * Math.cos(angle), far * Math.sin(angle)];
  });
  const SHAPES = { circle: null, square: polygon(4, Math.PI / 4), diamond: polygon(4), triangle: polygon(3),
    down: polygon(3, Math.PI), cross, star, pentagon: polygon(5) };

  function corners(key) {
    return SHAPES[data.categories[key].shape];
  }

  /** The sign as a small picture for lists. */
  function element(key) {
    const { colour, hollow } = data.categories[key];
    const ns = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(ns, "svg");
    picture.setAttribute("viewBox", "-1.5 -1.5 3 3");
    picture.setAttribute("class", "service-sign");
    picture.setAttribute("aria-hidden", "true");
    const points = corners(key);
    const shape = document.createElementNS(ns, points ? "polygon" : "circle");
    if (points) shape.setAttribute("points", points.map((point) => point.join(",")).join(" "));
    else shape.setAttribute("r", "1");
    shape.setAttribute("fill", hollow ? "#ffffff" : colour);
    shape.setAttribute("stroke", colour);
    shape.setAttribute("stroke-width", "0.45");
    picture.append(shape);
    return picture;
  }

  /** A service's mark on the map: Leaflet's circle, drawn in the shape of its kind. */
  const Mark = L.CircleMarker.extend({
    _updatePath() {
      const points = corners(this.options.kind);
      const renderer = this._renderer;
      if (!points || !renderer._ctx) {
        L.CircleMarker.prototype._updatePath.call(this);
        return;
      }
      if (!renderer._drawing || this._empty()) return;
      const pen = renderer._ctx;
      const radius = Math.max(Math.round(this._radius), 1);
      pen.beginPath();
      points.forEach(([x, y], k) => {
        const at = [this._point.x + x * radius, this._point.y + y * radius];
        if (k) pen.lineTo(...at);
        else pen.moveTo(...at);
      });
      pen.closePath();
      renderer._fillStroke(pen, this);
    },
  });

  function mark(key, at) {
    const { colour, hollow } = data.categories[key];
    return new Mark(at, { kind: key, radius: 5, weight: hollow ? 2 : 1, color: hollow ? colour : "#ffffff",
      fillColor: hollow ? "#ffffff" : colour, fillOpacity: 1 });
  }

  return { element, mark };
})();
