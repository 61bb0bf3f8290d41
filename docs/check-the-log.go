// Checks an export of Segue's audit log with the code of Go's own checksum database, and tells the
// history of one record. It knows nothing of Segue but the layout of the folder (C2SP tlog-tiles).
//
//	go run check-the-log.go EXPORT KEYFILE RECORD [CHECKPOINT...]
//
// KEYFILE holds the public key you were given. Each CHECKPOINT is an earlier head that you kept.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type folder string // the tiles of an export, as Go's reader of tiles asks for them

func (f folder) Height() int                     { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) (all [][]byte, err error) {
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func stop(format string, args ...any) {
	fmt.Printf("BROKEN: "+format+"\n", args...)
	os.Exit(1)
}

func must[T any](value T, err error) T {
	if err != nil {
		stop("%v", err)
	}
	return value
}

// A signed head, once its signature is right: how long the log was, and the root over all of it.
func head(path string, known note.Verifiers) tlog.Tree {
	opened, err := note.Open(must(os.ReadFile(path)), known)
	if err != nil {
		stop("%s: %v", path, err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != opened.Sigs[0].Name {
		stop("%s is not the head of a log", path)
	}
	root, tree := must(base64.StdEncoding.DecodeString(lines[2])), tlog.Tree{}
	tree.N = must(strconv.ParseInt(lines[1], 10, 64))
	if copy(tree.Hash[:], root) != tlog.HashSize || len(root) != tlog.HashSize {
		stop("%s has no root", path)
	}
	return tree
}

// The entries of one file, each behind its length in two bytes.
func entries(export string, file, width int64) (all [][]byte) {
	path := tlog.Tile{H: 8, L: 0, N: file, W: int(width)}.Path()
	path = strings.Replace(path, "tile/8/0/", "tile/entries/", 1)
	for data := must(os.ReadFile(filepath.Join(export, path))); len(data) > 0; {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			stop("%s is cut off", path)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		all, data = append(all, data[2:end]), data[end:]
	}
	if int64(len(all)) != width {
		stop("%s holds %d entries, not %d", path, len(all), width)
	}
	return all
}

func main() {
	if len(os.Args) < 4 {
		fmt.Println("go run check-the-log.go EXPORT KEYFILE RECORD [CHECKPOINT...]")
		os.Exit(2)
	}
	export, record := os.Args[1], os.Args[3]
	var keys []note.Verifier
	for _, line := range strings.Fields(string(must(os.ReadFile(os.Args[2])))) {
		keys = append(keys, must(note.NewVerifier(line)))
	}
	known := note.VerifierList(keys...)
	tree := head(filepath.Join(export, "checkpoint"), known)
	hashes := tlog.TileHashReader(tree, folder(export)) // gives out no hash that the root doesn't hold

	for _, path := range os.Args[4:] {
		old := head(path, known)
		if old.N > tree.N || old.N > 0 && must(tlog.TreeHash(old.N, hashes)) != old.Hash {
			stop("the log of %s, of %d entries, is not the beginning of this one", path, old.N)
		}
	}

	version := 0
	for begin := int64(0); begin < tree.N; begin += 256 {
		width := min(256, tree.N-begin)
		var places []int64
		for i := int64(0); i < width; i++ {
			places = append(places, tlog.StoredHashIndex(0, begin+i))
		}
		signed := must(hashes.ReadHashes(places))
		for i, entry := range entries(export, begin/256, width) {
			if tlog.RecordHash(entry) != signed[i] {
				stop("entry %d is not the one that was signed", begin+int64(i))
			}
			var said struct {
				Action, At, Record, Role, Trigger string
				Version                           int
				State                             struct{ From, To string }
			}
			if json.Unmarshal(entry, &said); said.Record == record && said.Action == "step" {
				if version++; said.Version != version {
					stop("version %d of the record is missing", version)
				}
				fmt.Printf("%8d  %s  version %d: %s, from %s to %s, by %s\n", begin+int64(i), said.At,
					said.Version, said.Trigger, said.State.From, said.State.To, said.Role)
			}
		}
	}
	if version == 0 {
		stop("no step of %s is among the %d entries; is that its id?", record, tree.N)
	}
	fmt.Printf("WHOLE: %d entries, as %s signed them; %d steps of this record, none missing\n",
		tree.N, keys[0].Name(), version)
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
