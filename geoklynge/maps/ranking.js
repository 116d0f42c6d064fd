"use strict";
/*
 * Ranking: which clusters the list shows, in what order, and what they score with the reader's own weights.
 */
const Ranking = (() => {
  const { data, told } = Words;
  const shares = data.measures.map(([, share]) => share);
  const factors = shares.map(() => 1);
  const none = { municipality: "", lacks: "", people: [null, null], villages: [null, null] };
  let filter = none;
  let sort = "rank";

  const isOwn = () => factors.some((factor) => factor !== factors[0]);

  /** As the study weighs it the score of the data, else the same mean with the reader's factors on the weights. */
  function score(cluster) {
    if (!isOwn()) return cluster.score;
    const weights = shares.map((share, k) => share * factors[k]);
    const whole = weights.reduce((sum, weight) => sum + weight, 0);
    return 100 * weights.reduce((sum, weight, k) => sum + weight * cluster.measures[k], 0) / whole;
  }

  /** Rank of each cluster, by its row: of equal scores the one that the study ranks first. */
  function ranks() {
    const rows = data.clusters.map((_, row) => row);
    if (!isOwn()) return data.clusters.map((cluster) => cluster.rank);
    const scores = data.clusters.map(score);
    rows.sort((a, b) => scores[b] - scores[a] || data.clusters[a].rank - data.clusters[b].rank);
    const rank = [];
    rows.forEach((row, place) => {
      rank[row] = place + 1;
    });
    return rank;
  }

  const within = (value, [least, most]) => (least === null || value >= least) && (most === null || value <= most);

  function passes(cluster) {
    const { municipality, lacks, people, villages } = filter;
    return (!municipality || cluster.members.some((row) => data.villages[row].municipality === municipality))
      && (!lacks || cluster.missing.some(([key]) => key === lacks))
      && within(cluster.population, people) && within(cluster.members.length, villages);
  }

  const orders = {
    rank: (rank) => (a, b) => rank[a] - rank[b],
    name: () => {
      const { compare } = new Intl.Collator(Words.language);
      return (a, b) => compare(told(data.clusters[a].label), told(data.clusters[b].label));
    },
    people: () => (a, b) => data.clusters[b].population - data.clusters[a].population,
    villages: () => (a, b) => data.clusters[b].members.length - data.clusters[a].members.length,
    longest: () => (a, b) => data.clusters[a].longest - data.clusters[b].longest,
  };

  /** Rows of the clusters to show, in order, and the rank of every cluster by its row. */
  function listed() {
    const rank = ranks();
    const rows = data.clusters.map((_, row) => row).filter((row) => passes(data.clusters[row]));
    const compare = orders[sort](rank);
    return { rank, rows: rows.sort((a, b) => compare(a, b) || rank[a] - rank[b]) };
  }

  return {
    orders: Object.keys(orders),
    municipalities: [...new Set(data.villages.map((village) => village.municipality).filter(Boolean))],
    lacking: Object.keys(data.categories).filter((key) =>
      data.clusters.some((cluster) => cluster.missing.some(([missing]) => missing === key))),
    score,
    listed,
    isOwn,
    weigh: (k, factor) => {
      factors[k] = factor;
    },
    factor: (k) => factors[k],
    share: (k) => shares[k] * factors[k] / shares.reduce((sum, share, m) => sum + share * factors[m], 0),
    forget: () => factors.fill(1),
    set filter(wanted) {
      filter = { ...none, ...wanted };
    },
    set sort(wanted) {
      if (wanted in orders) sort = wanted;
    },
  };
})();
