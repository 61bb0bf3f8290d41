// Makes web/static and web/templates/look.jinja from the NHS.UK frontend and our own layer. See CONTRIBUTING.md.
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as sass from 'sass'

const look = dirname(fileURLToPath(import.meta.url))
const library = join(look, 'node_modules', 'nhsuk-frontend')
const { version } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'))
const target = join(look, '..', 'web', 'static')
const images = join(target, 'assets', 'images')

rmSync(target, { recursive: true, force: true })
mkdirSync(images, { recursive: true })

// A name that changes with the content may be cached for ever.
function writeNamed (stem, extension, content) {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 10)
  const name = `${stem}-${hash}.${extension}`
  writeFileSync(join(target, name), content)
  return name
}

const { css } = sass.compile(join(look, 'segue.scss'), {
  style: 'compressed',
  loadPaths: [join(library, 'dist')],
  quietDeps: true
})

const wanted = new Set([...css.matchAll(/url\("?([^")]+)"?\)/g)].map(([, url]) => url))
for (const url of wanted) {
  const [, icon] = url.match(/^assets\/images\/([\w-]+\.svg)$/) ?? []
  if (!icon) throw new Error(`The stylesheet fetches ${url}, which is not ours to serve`)
  copyFileSync(join(library, 'dist', 'nhsuk', 'assets', 'images', icon), join(images, icon))
}
if (/@font-face|frutiger/i.test(css)) {
  throw new Error('The stylesheet asks for a font that we may not serve')
}

const libraryScript = `nhsuk-frontend-${version}.min.js`
const script = readFileSync(join(library, 'dist', 'nhsuk', 'nhsuk-frontend.min.js'), 'utf8')
writeFileSync(join(target, libraryScript), script.replace(/\/\/# sourceMappingURL=.*\s*$/, ''))

const starter = readFileSync(join(look, 'segue.js'), 'utf8').replace('nhsuk-frontend', `./${libraryScript}`)
const names = {
  stylesheet: writeNamed('segue', 'css', css),
  script: writeNamed('segue', 'js', starter),
  library: libraryScript,
  icon: writeNamed('segue', 'svg', readFileSync(join(look, 'mark.svg'), 'utf8'))
}
copyFileSync(join(look, 'nhsuk-frontend-licence.txt'), join(target, 'nhsuk-frontend-licence.txt'))

const lines = Object.entries(names).map(([key, name]) => `{% set ${key} = "${name}" %}`)
writeFileSync(
  join(look, '..', 'web', 'templates', 'look.jinja'),
  ['{# Written by look/build.mjs: the names of the files made there. #}', ...lines, ''].join('\n')
)
for (const name of readdirSync(target)) console.log(name)
