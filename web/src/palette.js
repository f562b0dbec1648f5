// Which line is whose: the same in tables and charts for as long as the page
// lives. Told apart by dashes as well as by colours.

const LINES = [
  {light: '#0b62c4', dark: '#6cb6ff', dash: []},
  {light: '#c2410c', dark: '#ff9e64', dash: [7, 3]},
  {light: '#0f766e', dark: '#3dd6c4', dash: [2, 3]},
  {light: '#8b2fd6', dark: '#c297ff', dash: [9, 3, 2, 3]},
  {light: '#b91c5c', dark: '#ff85b3', dash: []},
  {light: '#4d7c0f', dark: '#a5d65a', dash: [7, 3]},
  {light: '#92600a', dark: '#e3b341', dash: [2, 3]},
];
const OTHERS = {light: '#57606a', dark: '#9aa7b5', dash: [1, 4]};

export const OTHERS_NAME = 'others';
const given = new Map();
const dark = matchMedia('(prefers-color-scheme: dark)');

/** Gives vendors their lines, in the order in which they come. */
export function meet(vendors) {
  for (const vendor of vendors) {
    if (!given.has(vendor) && given.size < LINES.length) given.set(vendor, given.size);
  }
}

/** Whether the vendor has a line of its own. */
export function isTold(vendor) {
  return given.has(vendor);
}

export function told() {
  return [...given.keys()];
}

export function line(vendor) {
  const style = given.has(vendor) ? LINES[given.get(vendor)] : OTHERS;
  return {color: dark.matches ? style.dark : style.light, dash: style.dash};
}

export function paint(svg, vendor) {
  const {color, dash} = line(vendor);
  svg.firstChild.setAttribute('stroke', color);
  svg.firstChild.setAttribute('stroke-dasharray', dash.join(' '));
}

export function onSchemeChange(call) {
  dark.addEventListener('change', call);
}
