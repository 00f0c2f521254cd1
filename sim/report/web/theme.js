'use strict';
// Light, dark and paper.

/** Dark when the reader's system is, until the button says otherwise; paper is light. */
class Theme {
  constructor(page) {
    this.page = page;
    const system = matchMedia('(prefers-color-scheme: dark)');
    this.dark = system.matches;
    system.addEventListener('change', () => this.set(system.matches));
    this.button = element('button', {type: 'button', id: 'theme'});
    this.button.addEventListener('click', () => this.set(!this.dark));
    document.querySelector('header').append(this.button);
    addEventListener('resize', () => { page.book.resizeAll(); page.book.drawAll(); });
    addEventListener('beforeprint', () => this.apply(false));
    addEventListener('afterprint', () => this.apply(this.dark));
    this.set(this.dark);
  }
  set(dark) {
    this.dark = dark;
    this.apply(dark);
  }
  apply(dark) {
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    this.button.textContent = dark ? 'light' : 'dark';
    this.page.book.resizeAll();
    this.page.book.drawAll();
  }
}
