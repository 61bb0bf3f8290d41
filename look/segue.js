import { initAll } from 'nhsuk-frontend'

initAll()

// Two minutes before the sign-in ends, offer to stay; once it has ended, say so. Without a script
// nothing typed is lost either.
const stay = document.querySelector('[data-signs-out-after]')
if (stay) {
  const form = stay.querySelector('form')
  const [soon, over, unheard] = stay.querySelectorAll('p')
  let ends, next
  function say (words) {
    for (const one of [soon, over, unheard]) one.hidden = one !== words
    stay.querySelector('button').hidden = words === over
    if (stay.hidden) {
      stay.hidden = false
      bring()
    }
  }
  // On a phone nothing lies over the page: it comes to where somebody types or reads.
  function bring () {
    if (getComputedStyle(stay).position === 'sticky') return
    const typing = document.activeElement.closest('main .nhsuk-form-group')
    const reading = document.elementFromPoint(innerWidth / 2, innerHeight / 2)
    const here = typing || reading?.closest('main :is(.nhsuk-form-group, p, h1, h2, h3, ul, dl, table)')
    here?.after(stay)
    stay.scrollIntoView({ block: 'nearest' })
  }
  function look () {
    clearTimeout(next)
    const left = ends - Date.now()
    if (left > 120000) next = setTimeout(look, left - 120000)
    else if (left > 0) {
      say(soon)
      next = setTimeout(look, left)
    } else say(over)
  }
  function begin () {
    ends = Date.now() + stay.dataset.signsOutAfter * 1000
    stay.hidden = true
    look()
  }
  begin()
  // A computer that slept counted no time.
  document.addEventListener('visibilitychange', look)
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      const answer = await fetch(form.action, { method: 'POST', body: new FormData(form), redirect: 'manual' })
      if (answer.type === 'opaqueredirect') begin()
      else say(over)
    } catch {
      say(unheard)
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
