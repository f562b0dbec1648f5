// A table whose rows change under the reader's eyes: rows and cells stay the
// same elements for as long as what they tell of is there, so that focus,
// selection and scroll position stay too.

import {el, setAttribute, setText} from './dom.js';

/**
 * Columns: {key, label, group, title, kind, sort, header}. `kind`: "text" or
 * "number"; `sort`: the first direction when asked to sort, "ascending" or
 * "descending", none for columns that do not sort; `header`: the row's name.
 */
export class Table {
  constructor(table, {caption, columns, onSort, empty}) {
    this.table = table;
    this.columns = columns;
    this.onSort = onSort;
    this.rows = new Map();
    this.body = el('tbody');
    this.empty = el('p', {class: 'empty'}, empty);
    this.heads = new Map();
    table.replaceChildren(el('caption', {class: 'unseen'}, caption), this.#columnGroup(), this.#head(), this.body);
    table.after(this.empty);
  }

  #columnGroup() {
    return el('colgroup', {}, ...this.columns.map((column) => el('col', {class: `c-${column.key}`})));
  }

  #head() {
    const head = el('thead');
    if (this.columns.some((column) => column.group)) head.append(this.#groups());
    const row = el('tr');
    for (const column of this.columns) {
      const cell = el('th', {scope: 'col', class: column.kind, title: column.title});
      if (column.sort) {
        // Its group is not read out with the button.
        const group = column.group ? el('span', {class: 'unseen'}, `${column.group}, `) : null;
        const button = el('button', {type: 'button', class: 'sort'}, group, column.label);
        button.addEventListener('click', () => this.onSort(column));
        cell.append(button);
      } else {
        cell.append(column.label);
      }
      this.heads.set(column.key, cell);
      row.append(cell);
    }
    head.append(row);
    return head;
  }

  #groups() {
    const row = el('tr', {class: 'groups'});
    for (let i = 0; i < this.columns.length;) {
      const {group} = this.columns[i];
      let span = 1;
      while (group && this.columns[i + span]?.group === group) span += 1;
      row.append(group ? el('th', {scope: 'colgroup', colspan: span}, group) : el('td'));
      i += span;
    }
    return row;
  }

  /** Which column is sorted by, as far as the reader can tell. */
  setSort(key, direction) {
    for (const [name, cell] of this.heads) {
      setAttribute(cell, 'aria-sort', name === key ? direction : null);
    }
  }

  /**
   * Rows: {key, cells: {column: {text, title, level, nodes}}, make}, in order.
   * A cell of `nodes` is made once by them and then left alone.
   */
  show(rows) {
    const there = new Set();
    let previous = null;
    for (const row of rows) {
      there.add(row.key);
      let known = this.rows.get(row.key);
      if (!known) {
        known = this.#makeRow(row);
        this.rows.set(row.key, known);
      }
      for (const column of this.columns) this.#fill(known.cells.get(column.key), row.cells[column.key]);
      setAttribute(known.element, 'class', row.class ?? null);
      row.update?.(known.element);
      // Moved only when out of place: a moved element loses its focus.
      const next = previous ? previous.nextSibling : this.body.firstChild;
      if (next !== known.element) this.body.insertBefore(known.element, next);
      previous = known.element;
    }
    for (const [key, known] of this.rows) {
      if (there.has(key)) continue;
      known.element.remove();
      this.rows.delete(key);
    }
    this.empty.hidden = rows.length > 0;
  }

  setEmpty(text) {
    setText(this.empty, text);
  }

  #makeRow(row) {
    const element = el('tr');
    const cells = new Map();
    for (const column of this.columns) {
      const cell = column.header ? el('th', {scope: 'row', class: column.kind}) : el('td', {class: column.kind});
      const {nodes} = row.cells[column.key];
      if (nodes) cell.append(...nodes());
      cells.set(column.key, cell);
      element.append(cell);
    }
    return {element, cells};
  }

  #fill(cell, {text, title, level, nodes}) {
    if (!nodes) setText(cell, text);
    setAttribute(cell, 'title', title);
    setAttribute(cell, 'data-level', level);
  }
}

/** The next direction of a column, when asked for it once more. */
export function turned(column, current, direction) {
  if (current !== column.key) return column.sort;
  return direction === 'ascending' ? 'descending' : 'ascending';
}
