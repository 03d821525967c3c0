// Counts a text as each network counts it: providers/kit/text.py once more, for the browser.
//
//   import { learn, count, left, faults } from "./count.js";
//   const networks = learn(await (await fetch(url)).json());  // the table that the server gives
//   left(text, networks.example.text);                        // below zero: so much too long
//
// All rules, weights and patterns come from the table. The same vectors run in both
// (tests/providers/vectors.json). The server is the judge: where this browser knows an older
// Unicode, or has no Intl.Segmenter, it counts a sign that it does not know too long, never too
// short.

const FLAGS = "giu";
const BEFORE_NO_DOMAIN = /[-_./]$/u;
const segmenter =
  typeof Intl !== "undefined" && Intl.Segmenter
    ? new Intl.Segmenter("en", { granularity: "grapheme" })
    : null;
const encoder = new TextEncoder();

let weights = null;
let patterns = null;

/** Take over the table of the server; gives its networks, each with its limits and its label. */
export function learn(table) {
  weights = table.weights;
  patterns = Object.fromEntries(
    Object.entries(table.patterns).map(([name, source]) => [name, new RegExp(source, FLAGS)]),
  );
  return table.networks;
}

/** How long a text is in the unit of a rule. */
export function count(text, rule) {
  text = wellFormed(text);
  switch (rule.unit) {
    case "weighted":
      return weighted(text);
    case "graphemes":
      return graphemes(shortened(text, rule));
    case "code_points":
      return codePoints(shortened(text, rule));
    case "utf16":
      return shortened(text, rule).length;
    case "emoji_bytes": {
      let total = codePoints(shortened(text, rule));
      for (const [emoji] of text.matchAll(patterns.emoji)) total += bytes(emoji) - codePoints(emoji);
      return total;
    }
    default:
      throw new RangeError(`A text cannot be counted in ${rule.unit} here.`);
  }
}

/** How much more of the rule's unit fits; below zero, how much is too long. */
export function left(text, rule) {
  return rule.limit - count(text, rule);
}

/** Why a text does not fit, as [{words, over}]; [] where it fits. The same words as the server's. */
export function faults(text, limits, { besideMedia = false } = {}) {
  text = wellFormed(text);
  if (isEmpty(text)) return besideMedia ? [] : [{ words: "the text is empty.", over: 0 }];
  const rule = words(limits, { besideMedia });
  const found = [
    ...tooLong(count(text, rule), rule.limit, "character"),
    ...tooLong(bytes(text), rule.byte_limit, "byte"),
  ];
  const bad = rule.unit === "weighted" && text.match(patterns.refused);
  if (bad) {
    const point = bad[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    found.push({ words: `the character U+${point} is not allowed.`, over: 0 });
  }
  const signs = [...(rule.banned || "")].filter((sign) => text.includes(sign));
  if (signs.length) {
    found.push({ words: `${signs.join(" and ")} cannot stand in a text there.`, over: 0 });
  }
  return found;
}

/** The rule for the text of a post with or without media. */
export function words(limits, { besideMedia = false } = {}) {
  return (besideMedia && limits.caption) || limits.text;
}

/** How many bytes a text has in UTF-8. */
export function bytes(text) {
  return encoder.encode(text).length;
}

/** The URLs in a text, as [{start, end}] in UTF-16 units; `bare`: also those without a scheme. */
export function urls(text, { bare = true } = {}) {
  const found = [];
  for (const match of text.matchAll(patterns.url)) {
    const [whole, before, url, scheme = "", domain, path] = match;
    if (!fitsDns(domain)) continue;
    const start = match.index + before.length;
    const end = match.index + whole.length;
    if (scheme) found.push({ start, end: start + url.length });
    else if (bare && !BEFORE_NO_DOMAIN.test(before)) found.push(...bareUrls(domain, start, end, path));
  }
  return found;
}

// The ASCII domains in a match without a scheme; the path belongs to the last of them.
function bareUrls(domain, start, end, path) {
  const spans = [...domain.matchAll(patterns.bare)].map((match) => ({
    start: start + match.index,
    end: start + match.index + match[0].length,
  }));
  if (spans.length && path) spans[spans.length - 1].end = end;
  return spans;
}

function weighted(text) {
  text = text.normalize("NFC");
  const spans = new Map();
  if (weights.emoji) {
    for (const match of text.matchAll(patterns.emoji)) {
      spans.set(match.index, [match.index + match[0].length, weights.default]);
    }
  }
  for (const { start, end } of urls(text)) {
    spans.set(start, [end, weights.url_length * weights.scale]);
  }
  let total = 0;
  for (let position = 0; position < text.length; ) {
    const point = text.codePointAt(position);
    const [end, weight] = spans.get(position) || [
      position + (point > 0xffff ? 2 : 1),
      weightOf(point),
    ];
    total += weight;
    position = end;
  }
  return Math.floor(total / weights.scale);
}

function weightOf(point) {
  const range = weights.ranges.find(([first, last]) => first <= point && point <= last);
  return range ? range[2] : weights.default;
}

// The text with every URL and mention as long as it counts.
function shortened(text, rule) {
  if (rule.url_length !== null && rule.url_length !== undefined) {
    for (const { start, end } of urls(text, { bare: false }).reverse()) {
      text = text.slice(0, start) + "u".repeat(rule.url_length) + text.slice(end);
    }
  }
  return rule.short_mentions ? text.replace(patterns.mention, "$1$2") : text;
}

function graphemes(text) {
  if (!segmenter) return codePoints(text);
  let total = 0;
  for (const _ of segmenter.segment(text)) total += 1;
  return total;
}

function codePoints(text) {
  let total = 0;
  for (const _ of text) total += 1;
  return total;
}

function tooLong(length, limit, unit) {
  const over = limit === null || limit === undefined ? 0 : length - limit;
  if (over <= 0) return [];
  const many = over === 1 ? "" : "s";
  return [{ words: `${over} ${unit}${many} too long (${length} of ${limit}).`, over }];
}

// Nothing but white space, as Python's str.strip() knows it.
function isEmpty(text) {
  return !/[^\s\x1C-\x1F\x85]|\uFEFF/u.test(text);
}

// Half of a surrogate pair does not survive the way to the server.
function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

// --- the DNS ------------------------------------------------------------------------------------
// Every label has at most 63 letters as the DNS writes it (RFC 3490, section 4.1).
function fitsDns(domain) {
  return domain
    .split(".")
    .every((label) => (isAscii(label) ? label.length <= 63 : punycodeLength(label) <= 59));
}

function isAscii(text) {
  return /^[\x00-\x7F]*$/u.test(text);
}

// How long a label is in Punycode, without "xn--" (RFC 3492, section 6.3).
function punycodeLength(label) {
  const points = [...label].map((sign) => sign.codePointAt(0));
  const basic = points.filter((point) => point < 128).length;
  let length = basic + (basic ? 1 : 0);
  let [n, delta, bias, handled] = [128, 0, 72, basic];
  while (handled < points.length) {
    const next = Math.min(...points.filter((point) => point >= n));
    delta += (next - n) * (handled + 1);
    n = next;
    for (const point of points) {
      if (point < n) delta += 1;
      if (point !== n) continue;
      length += digits(delta, bias);
      bias = adapted(delta, handled + 1, handled === basic);
      delta = 0;
      handled += 1;
    }
    delta += 1;
    n += 1;
  }
  return length;
}

// How many digits a delta takes: a number of variable length.
function digits(delta, bias) {
  let length = 1;
  for (let k = 36; ; k += 36) {
    const threshold = Math.min(Math.max(k - bias, 1), 26);
    if (delta < threshold) return length;
    delta = Math.floor((delta - threshold) / (36 - threshold));
    length += 1;
  }
}

function adapted(delta, points, first) {
  delta = Math.floor(delta / (first ? 700 : 2));
  delta += Math.floor(delta / points);
  let k = 0;
  for (; delta > 455; k += 36) delta = Math.floor(delta / 35);
  return k + Math.floor((36 * delta) / (delta + 38));
}
