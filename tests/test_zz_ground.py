import os, time, json
os.environ["SEGUE_DRILLS"]="1"
from tests.web.test_every_state import *
from tests.looking import *
def dump(chromium, screens, name):
    out=open(f"/tmp/segue/st_faults_{name}.txt","w")
    ch=different(screens); print(name,len(screens),len(ch),file=out,flush=True)
    with looker(chromium) as eyes:
        for i,one in enumerate(ch):
            t=time.time()
            try: f=eyes.faults(one)
            except Exception as e: f=[f"{one} EXC {e!r}"[:300]]
            for x in f: print(x,file=out,flush=True)
            if i%20==0: print("..",i,round(time.time()-t,2),file=out,flush=True)
    print("END",file=out,flush=True)
def test_empty(empty, chromium): dump(chromium, empty, "empty")
def test_ground(asking, chromium):
    cells=list(shown(asking))
    s=[x for x in asked(asking,"with records",cells)]
    w=open("/tmp/segue/st_ground_words.txt","w")
    s=[x for x in s if x.status==200]
    print({row.path for row in pages()} - {x.rule for x in s},file=w)
    for x in s:
        for y in wrong_with(x): print(y,file=w)
    w.close()
    dump(chromium, s, "ground")
