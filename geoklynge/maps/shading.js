"use strict";
/*
 * Shading: the land around each village in the colour of its minutes to the nearest service of a kind. Nothing is
 * stored for it: each little square asks for the village nearest to it.
 */
const Shading = (() => {
  const { data } = Words;
  const { map } = window.geoklynge;
  const STEPS = [5, 10, 15, 20]; // minutes
  const COLOURS = ["#fff3b8", "#f9c74f", "#e07b39", "#a23b4a", "#4a1942"]; // light to dark: it reads in grey, too
  const NO_ROAD = "#9aa3ad";
  const REACH_M = 2500; // as far as a cluster's area reaches around a village
  const SQUARE = 4; // pixels
  const BUCKET = 0.04; // degrees of latitude; more than the reach
  const EARTH_M = 111195; // a degree of latitude
  const buckets = new Map();
  let chosen = -1;
  let layer = null;

  const bucketOf = (lat, lon) => `${Math.floor(lat / BUCKET)} ${Math.floor(lon / BUCKET)}`;
  for (const village of data.villages) {
    const key = bucketOf(...village.at);
    if (!buckets.has(key)) buckets.set(key, []);
    buckets.get(key).push(village);
  }

  /** Squared metres between two places that are near each other. */
  function apart([lat, lon], [otherLat, otherLon]) {
    const north = (lat - otherLat) * EARTH_M;
    const east = (lon - otherLon) * EARTH_M * Math.cos(lat * Math.PI / 180);
    return north * north + east * east;
  }

  function nearest(lat, lon) {
    let best = null;
    let least = REACH_M * REACH_M;
    const wide = Math.ceil(1 / Math.cos(lat * Math.PI / 180)); // a degree of longitude is shorter
    for (let down = -1; down <= 1; down += 1) {
      for (let along = -wide; along <= wide; along += 1) {
        for (const village of buckets.get(bucketOf(lat + down * BUCKET, lon + along * BUCKET)) || []) {
          const distance = apart([lat, lon], village.at);
          if (distance < least) [best, least] = [village, distance];
        }
      }
    }
    return best;
  }

  function colour(minutes) {
    if (minutes === null) return NO_ROAD;
    const step = STEPS.findIndex((most) => minutes <= most);
    return COLOURS[step < 0 ? COLOURS.length - 1 : step];
  }

  const Squares = L.GridLayer.extend({
    createTile(coords) {
      const size = this.getTileSize();
      const tile = L.DomUtil.create("canvas");
      [tile.width, tile.height] = [size.x, size.y];
      const pen = tile.getContext("2d");
      const corner = coords.scaleBy(size);
      for (let y = 0; y < size.y; y += SQUARE) {
        for (let x = 0; x < size.x; x += SQUARE) {
          const { lat, lng } = map.unproject(corner.add([x + SQUARE / 2, y + SQUARE / 2]), coords.z);
          const village = nearest(lat, lng);
          if (village) {
            pen.fillStyle = colour(village.minutes[chosen]);
            pen.fillRect(x, y, SQUARE, SQUARE);
          }
        }
      }
      return tile;
    },
  });

  /** Shade by the minutes to the nearest of a category; without one, no more. */
  function by(key) {
    chosen = data.nearest.indexOf(key);
    if (!map.getPane("shading")) {
      const pane = map.createPane("shading");
      pane.classList.add("shading");
    }
    if (layer) layer.remove();
    layer = chosen < 0 ? null : new Squares({ pane: "shading", tileSize: 256, updateWhenZooming: false }).addTo(map);
  }

  return {
    by,
    nearest,
    noRoad: NO_ROAD,
    get someWithoutRoad() {
      return chosen >= 0 && data.villages.some((village) => village.minutes[chosen] === null);
    },
    /** The steps with their colours: [from, to, colour], the last without an end. */
    legend: COLOURS.map((shade, k) => [k ? STEPS[k - 1] : 0, STEPS[k] ?? null, shade]),
    get chosen() {
      return chosen < 0 ? "" : data.nearest[chosen];
    },
  };
})();
