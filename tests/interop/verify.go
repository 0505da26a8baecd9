// Checks a log that muniment wrote with the packages that Go's own checksum database uses.
//
// Usage: verify FOLDER VKEY: FOLDER holds the log as c2sp.org/tlog-tiles, and in proofs.json what
// muniment proves of it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tiles struct{ folder string }

func (t tiles) Height() int                                  { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte)          {}
func (t tiles) path(tile tlog.Tile) string {
	return filepath.Join(t.folder, "tile", strings.TrimPrefix(tile.Path(), "tile/8/"))
}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(t.path(tile))
		if err != nil {
			// A full tile serves a smaller one too.
			tile.W = 256
			full, again := os.ReadFile(t.path(tile))
			if again != nil {
				return nil, err
			}
			data = full
		}
		found = append(found, data)
	}
	return found, nil
}

type inclusion struct {
	Index int64
	Entry []byte
	Path  [][]byte
}
type consistency struct {
	Old  int64
	Root []byte
	Path [][]byte
}
type proofs struct {
	Inclusion   []inclusion
	Consistency []consistency
}

func hashes(all [][]byte) []tlog.Hash {
	var made []tlog.Hash
	for _, one := range all {
		made = append(made, tlog.Hash(one))
	}
	return made
}

func must(err error) {
	if err != nil {
		fmt.Println("REFUSED", err)
		os.Exit(1)
	}
}

func main() {
	folder := os.Args[1]
	verifier, err := note.NewVerifier(os.Args[2])
	must(err)
	text, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	must(err)
	opened, err := note.Open(text, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	var size int64
	_, err = fmt.Sscan(lines[1], &size)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	tree := tlog.Tree{N: size, Hash: root}
	reader := tlog.TileHashReader(tree, tiles{folder})
	var given proofs
	data, err := os.ReadFile(filepath.Join(folder, "proofs.json"))
	must(err)
	must(json.Unmarshal(data, &given))
	for _, one := range given.Inclusion {
		leaf := tlog.RecordHash(one.Entry)
		must(tlog.CheckRecord(hashes(one.Path), size, root, one.Index, leaf))
		own, err := tlog.ProveRecord(size, one.Index, reader)
		must(err)
		must(tlog.CheckRecord(own, size, root, one.Index, leaf))
		if tlog.CheckRecord(own, size, root, one.Index, tlog.RecordHash([]byte("forged"))) == nil {
			must(fmt.Errorf("a forged entry passed"))
		}
	}
	for _, one := range given.Consistency {
		must(tlog.CheckTree(hashes(one.Path), size, root, one.Old, tlog.Hash(one.Root)))
		own, err := tlog.TreeHash(one.Old, reader)
		must(err)
		if own != tlog.Hash(one.Root) {
			must(fmt.Errorf("another root at %d", one.Old))
		}
	}
	fmt.Printf("OK %d entries, %d records, %d earlier trees\n", size, len(given.Inclusion), len(given.Consistency))
}
