import { initAll } from 'nhsuk-frontend'

initAll()

// Two minutes before the sign-in ends, offer to stay. Without a script nothing typed is lost either.
const stay = document.querySelector('[data-signs-out-after]')
let ends
function begin () {
  stay.hidden = true
  clearTimeout(ends)
  ends = setTimeout(() => { stay.hidden = false }, (stay.dataset.signsOutAfter - 120) * 1000)
}
if (stay) {
  begin()
  stay.querySelector('form').addEventListener('submit', async (event) => {
    event.preventDefault()
    const form = event.target
    try {
      await fetch(form.action, { method: 'POST', body: new FormData(form), redirect: 'manual' })
      begin()
    } catch {
      form.submit()
    }
  })
}
