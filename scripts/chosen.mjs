/** Those that are named, or all; throws at a name that is not among them. */
export function chosen(names, all) {
  const unknown = names.filter((name) => !all.includes(name))
  if (unknown.length > 0) {
    throw new Error(
      `unknown: ${unknown.join(', ')}; there are ${[...new Set(all)].join(', ')}`,
    )
  }
  return names.length > 0 ? all.filter((name) => names.includes(name)) : all
}
