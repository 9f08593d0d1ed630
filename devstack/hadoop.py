"""What the daemons of HDFS and YARN share: their Java command and their configuration files.

Every daemon has a configuration folder of its own, `<daemon>/conf`; clients have `hadoop/conf`, which
HADOOP_CONF_DIR may name.
"""

import getpass
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from devstack.java import build_java_command, lock_path
from devstack.service import Place
from pipelines.io.jars import jar_folder

LOCK = "hadoop"
Properties = Mapping[str, object]
_OPTIONS = (
    "--add-opens=java.base/java.lang=ALL-UNNAMED",  # ResourceManager and NodeManager die without it on Java 17
    # without Hadoop's native library a NodeManager runs chmod for each of an archive's 31,000 files: the quickest start
    "-Djdk.lang.Process.launchMechanism=VFORK",
)
_LOG4J = """log4j.rootLogger=INFO,console
log4j.logger.http.requests=WARN
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
"""


def client_conf(place: Place) -> Path:
    """The folder that HADOOP_CONF_DIR names."""
    return place.folder / "hadoop" / "conf"


def build_hadoop_command(place: Place, daemon: str, main: str, *arguments: str, heap_mib: int) -> tuple[str, ...]:
    jars = jar_folder(lock_path(LOCK)) / "*"
    return build_java_command(
        main,
        *arguments,
        heap_mib=heap_mib,
        class_path=[place.home(daemon) / "conf", jars],
        scratch=place.scratch(daemon),
        options=[*_OPTIONS, f"-Dhadoop.log.dir={place.home(daemon)}"],
    )


def write_conf(folder: Path, **sites: Properties) -> None:
    """Write `<site>-site.xml` for each of the sites (core, hdfs, yarn) and the logging."""
    folder.mkdir(parents=True, exist_ok=True)
    for site, properties in sites.items():
        write_properties(folder / f"{site}-site.xml", properties)
    (folder / "log4j.properties").write_text(_LOG4J)


def write_properties(path: Path, properties: Properties) -> None:
    """Write one of Hadoop's XML files."""
    lines = (
        f" <property><name>{escape(name)}</name><value>{escape(_spell(value))}</value></property>"
        for name, value in properties.items()
    )
    path.write_text("\n".join(["<configuration>", *lines, "</configuration>\n"]), encoding="utf8")


def core_properties(place: Place, scratch: Path) -> Properties:
    return {
        "fs.defaultFS": f"hdfs://{place.address('namenode.rpc')}",
        "hadoop.tmp.dir": scratch,
        "hadoop.http.staticuser.user": getpass.getuser(),
    }


def _spell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
