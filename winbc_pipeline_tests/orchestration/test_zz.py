import os, time
from datetime import date, timedelta, datetime, UTC
from dagster import DagsterInstance
from winbc_pipeline.build import build_defs
from winbc_pipeline.flows.customers import CUSTOMERS
from winbc_pipeline.orchestration.in_process import run_windows
from winbc_pipeline.sync.connected import ConnectedFlow
from winbc_pipeline.sync.run import sync
from winbc_pipeline.sync.work import Work
from winbc_pipeline.sandbox.control import timestamp
from ..support.shops.two_ways import TwoWays, CUSTOMER

def test_three(two_ways, tmp_path):
    START=date(2025,9,10)
    rows=[]
    for n in range(1,301):
        day = datetime(2025,9,10,10,tzinfo=UTC)+timedelta(days=n%180)
        rows.append((str(n), CUSTOMER|{"customerid":str(n),"email":f"{n}@mail.example","created":timestamp(day),"modified":timestamp(day)}))
    two_ways.winstore_app.state.records.insert_many("customers", rows)
    base=two_ways.settings.model_copy(update={"history_start":START})
    def timed(what, work):
        t,c=time.monotonic(),time.process_time(); out=work(); print(f"{what}: {time.monotonic()-t:.1f} s, cpu {time.process_time()-c:.1f}", out)
    s=base.model_copy(update={"connection":"a"})
    today=two_ways.now.date()
    timed("sync", lambda: sync(Work(ConnectedFlow(CUSTOMERS,s),START,today,"r")))
    for n,batch in (("b","0"),("c","1000")):
        os.environ["DAGSTER_EVENT_BATCH_SIZE"]=batch
        s=base.model_copy(update={"connection":n})
        job=build_defs(settings=s,flows=(CUSTOMERS,)).resolve_job_def(CUSTOMERS.id)
        (tmp_path/n).mkdir()
        with DagsterInstance.local_temp(str(tmp_path/n)) as i:
            import cProfile; pr=cProfile.Profile(); pr.enable()
            timed("dagster "+batch, lambda: run_windows(ConnectedFlow(CUSTOMERS,s),job,i,START,today))
            pr.disable(); pr.dump_stats("/tmp/zz"+batch)
            k=job.partitions_def.get_partition_keys()
            from dagster import AssetKey
            st=i.get_status_by_partition(AssetKey(("synced",CUSTOMERS.id)),k,job.partitions_def)
            from collections import Counter
            print(Counter(str(v) for v in st.values()))
