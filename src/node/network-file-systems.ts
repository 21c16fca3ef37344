/**
 * File systems on which a lock does not hold, or memory is not shared between all processes that have a file open.
 *
 * @module
 */

/** File system types by the `f_type` of Linux (`man 2 statfs`, `linux/magic.h`). Other systems use other numbers, or none. */
const magicNumbers: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB 2 and 3
  0x0102_1997, // 9P: WSL, virtual machines
  0x6573_5546, // FUSE and virtiofs: sshfs, and what Docker Desktop, Lima and Colima share; local ones look the same
  0x5346_414f, // AFS
  0x6b41_4653, // kAFS
  0x7375_7245, // Coda
  0x00c3_6400, // Ceph
  0x564c, // NCP
  0x0bd0_0bd0, // Lustre
  0x4750_4653, // GPFS
  0x0116_1970, // GFS2
  0x7461_636f, // OCFS2
  0x1983_0326, // BeeGFS
  0x786f_4256, // shared folders of VirtualBox
  0xbacb_acbc, // shared folders of VMware
  0x7c7c_6673, // shared folders of Parallels
  0x2003_0528, // OrangeFS
]);

/** Detects a network file system where that is possible: on Linux, by the type that `statfs` reports. */
export function isNetworkFileSystem(type: number, platform: string = process.platform): boolean {
  return platform === 'linux' && magicNumbers.has(type >>> 0);
}
