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

// Away from a person's own page without leaving it behind in the history; the link does the rest.
document.querySelector('[data-exit]')?.addEventListener('click', (event) => {
  event.preventDefault()
  document.body.hidden = true
  location.replace(event.currentTarget.href)
})

const print = document.querySelector('[data-print]')
if (print) {
  print.hidden = false
  print.addEventListener('click', () => window.print())
}
