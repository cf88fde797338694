from tests.unit.contracts.adl import test_many_holders as mh
from tests.unit.contracts.adl.stage import *
def test_probe(engine, artifacts, admin, keeper):
    c = mh.deploy(engine, artifacts, admin, keeper, 40, 60)
    b=c.bench
    g=[]
    for i in range(0,4):
        r=b.pool.transact.exchange(0,c.first+i,c.loser,c.lots(i),c.lots(i)*91*USD,sender=hand(b)); g.append(r.gas_used)
    print("exchange tx", g)
    print("candidates read?")
    for n in (1,2,4,8): 
        from dataclasses import replace
        call=b.pool.build.candidates(0,False,10,n,89*USD,0,sender=hand(b))
        print(n, b.engine.send(replace(call,gas=10_000_000)).gas_used)
