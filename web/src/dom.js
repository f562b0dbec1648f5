// Elements. Children that are no nodes become text, whatever stands in them:
// names come from hosts that crawlers talk to.

/** An element with `attributes` and children; those that are null are left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Changes the text only where it differs: what stays is not read out again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined) {
    element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

const SVG = 'http://www.w3.org/2000/svg';

/** A piece of a chart's line, to tell whose it is. */
export function swatch() {
  const svg = document.createElementNS(SVG, 'svg');
  const line = document.createElementNS(SVG, 'line');
  for (const [name, value] of [['width', '18'], ['height', '8'], ['aria-hidden', 'true'], ['class', 'swatch']]) {
    svg.setAttribute(name, value);
  }
  for (const [name, value] of [['x1', '1'], ['y1', '4'], ['x2', '17'], ['y2', '4'], ['stroke-width', '2.5']]) {
    line.setAttribute(name, value);
  }
  svg.append(line);
  return svg;
}
