import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const page = readFileSync(path.join(__dirname, '../../docs/recipes.md'), 'utf8')
const folder = path.join(__dirname, 'recipes')

test.each(readdirSync(folder))('docs/recipes.md shows %s as it is', (file) => {
  const { name } = path.parse(file)
  const code = readFileSync(path.join(folder, file), 'utf8')
  expect(page).toContain(
    `\n<!-- recipe: ${name} -->\n\n\`\`\`js\n${code}\`\`\`\n`,
  )
})
