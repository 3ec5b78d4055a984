/** Makes elements. Text is only ever text: nothing here parses HTML. */

type Child = Node | string | null

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value)
  }
  made.append(...children.filter((each) => each !== null))
  return made
}

export function button(
  label: string,
  onClick: () => void,
  attributes: Readonly<Record<string, string>> = {},
): HTMLButtonElement {
  const made = element('button', { type: 'button', ...attributes }, label)
  made.addEventListener('click', onClick)
  return made
}

/** "1–50 of 1,000" with two buttons, or nothing where all fit on one page. */
export function pager(
  what: string,
  pageSize: number,
  show: (from: number, to: number) => void,
): { readonly bar: HTMLElement; readonly reset: (count: number) => void } {
  let from = 0
  let total = 0
  const place = element('span', { 'aria-live': 'polite' })
  const back = button('Previous', () => turn(-pageSize))
  const on = button('Next', () => turn(pageSize))
  const bar = element('nav', {
    class: 'pager',
    'aria-label': `Pages of ${what}`,
  })
  bar.append(back, place, on)
  function turn(by: number): void {
    from = Math.max(0, Math.min(from + by, total - 1))
    const to = Math.min(from + pageSize, total)
    const number = (value: number) => value.toLocaleString('en-US')
    bar.hidden = total <= pageSize
    place.textContent = `${number(from + 1)}–${number(to)} of ${number(total)}`
    // Not `disabled`, which would drop the focus.
    back.setAttribute('aria-disabled', String(from === 0))
    on.setAttribute('aria-disabled', String(to >= total))
    show(from, to)
  }
  return {
    bar,
    reset(count) {
      total = count
      from = 0
      turn(0)
    },
  }
}

export function factList(
  facts: readonly (readonly [string, string])[],
): HTMLElement {
  return element(
    'dl',
    { class: 'facts' },
    ...facts.map(([name, value]) =>
      element('div', {}, element('dt', {}, name), element('dd', {}, value)),
    ),
  )
}
