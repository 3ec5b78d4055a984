export const observations: readonly { readonly name: string }[]
