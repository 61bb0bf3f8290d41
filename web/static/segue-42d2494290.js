import { initAll } from './nhsuk-frontend-10.6.1.min.js'

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

// A passkey: the browser asks the phone or the key, and the form goes with what it answers, or with
// nothing. Where no passkeys are known the page goes on saying so.
const passkey = document.querySelector('[data-passkey]')
const keys = window.PublicKeyCredential
if (passkey && keys?.parseCreationOptionsFromJSON) {
  const asked = JSON.parse(passkey.dataset.passkey)
  passkey.hidden = false
  document.querySelector('[data-without-passkeys]').hidden = true
  passkey.addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      const shown = asked.user
        ? await navigator.credentials.create({ publicKey: keys.parseCreationOptionsFromJSON(asked) })
        : await navigator.credentials.get({ publicKey: keys.parseRequestOptionsFromJSON(asked) })
      passkey.elements.passkey.value = JSON.stringify(shown)
    } catch {
      passkey.elements.passkey.value = ''
    }
    HTMLFormElement.prototype.submit.call(passkey)
  })
}

const print = document.querySelector('[data-print]')
if (print) {
  print.hidden = false
  print.addEventListener('click', () => window.print())
}
