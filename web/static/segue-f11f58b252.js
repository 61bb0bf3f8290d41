import { initAll } from './nhsuk-frontend-10.6.1.min.js'

initAll()
