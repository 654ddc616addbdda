//! Searches many needles at once (Aho and Corasick, 1975). The crate `aho-corasick` does not expose how many of the last bytes may begin a match;
//! these must be held back from a stream.

use std::collections::VecDeque;

use smallvec::SmallVec;
use zeroize::{Zeroize, Zeroizing};

/// A node of the automaton, by index: the longest prefix of a needle that is a suffix of the bytes so far.
pub(super) type State = u32;

/// The state before the first byte.
pub(super) const START: State = 0;

struct Node {
    /// The next bytes of needles, and their nodes. Nearly all nodes have one.
    children: SmallVec<[(u8, State); 1]>,
    /// The node of the next shorter prefix of a needle that is a suffix of the bytes.
    shorter: State,
    /// Length of the prefix, in bytes.
    depth: u32,
    /// Length of the longest needle that is a suffix of the bytes, in bytes; 0 if there is none.
    match_length: u32,
}

impl Node {
    fn at(depth: u32) -> Self {
        Self { children: SmallVec::new(), shorter: START, depth, match_length: 0 }
    }

    fn child(&self, byte: u8) -> Option<State> {
        self.children.iter().find(|(own, _)| *own == byte).map(|(_, state)| *state)
    }
}

/// The needles are secret: their bytes are wiped on drop.
pub(super) struct Automaton {
    nodes: Vec<Node>,
    /// The node after [`START`] and a byte: a shortcut, because most bytes of a response do not begin a needle.
    first: Box<[State; 256]>,
}

impl Automaton {
    pub(super) fn new(needles: impl Iterator<Item = Zeroizing<Vec<u8>>>) -> Self {
        let mut automaton = Self { nodes: vec![Node::at(0)], first: Box::new([START; 256]) };
        needles.for_each(|needle| automaton.add(&needle));
        automaton.link();
        for (byte, state) in &automaton.nodes[0].children {
            automaton.first[usize::from(*byte)] = *state;
        }
        automaton
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    pub(super) fn next(&self, state: State, byte: u8) -> State {
        let mut from = state;
        while from != START {
            let node = self.node(from);
            if let Some(next) = node.child(byte) {
                return next;
            }
            from = node.shorter;
        }
        self.first[usize::from(byte)]
    }

    /// The length of the longest needle that ends at this state, in bytes; 0 if none does.
    pub(super) fn match_length(&self, state: State) -> usize {
        // The state after nearly all bytes. Without this, its node would be read for each of them.
        if state == START { 0 } else { self.node(state).match_length as usize }
    }

    /// How many of the last bytes may be the prefix of a needle that is not complete.
    pub(super) fn prefix_length(&self, state: State) -> usize {
        // A complete needle that is not a prefix of another one need not be held back.
        let mut from = state;
        while self.node(from).children.is_empty() && from != START {
            from = self.node(from).shorter;
        }
        self.node(from).depth as usize
    }

    fn node(&self, state: State) -> &Node {
        &self.nodes[state as usize]
    }

    fn add(&mut self, needle: &[u8]) {
        let mut state = START;
        for byte in needle {
            state = match self.node(state).child(*byte) {
                Some(next) => next,
                None => self.add_child(state, *byte),
            };
        }
        let node = &mut self.nodes[state as usize];
        node.match_length = node.depth;
    }

    fn add_child(&mut self, parent: State, byte: u8) -> State {
        // All needles together have a few thousand bytes.
        let state = u32::try_from(self.nodes.len()).unwrap_or(START);
        let depth = self.node(parent).depth + 1;
        self.nodes.push(Node::at(depth));
        self.nodes[parent as usize].children.push((byte, state));
        state
    }

    /// Sets `shorter` of all nodes, shortest first, because that of a child depends on that of its parent.
    fn link(&mut self) {
        let mut queue = VecDeque::from([START]);
        while let Some(parent) = queue.pop_front() {
            for (byte, child) in self.node(parent).children.clone() {
                let shorter = if parent == START { START } else { self.next_linked(self.node(parent).shorter, byte) };
                let inherited = self.node(shorter).match_length;
                let node = &mut self.nodes[child as usize];
                node.shorter = shorter;
                node.match_length = node.match_length.max(inherited);
                queue.push_back(child);
            }
        }
    }

    /// [`Self::next`], before `first` is set.
    fn next_linked(&self, state: State, byte: u8) -> State {
        let mut from = state;
        loop {
            let node = self.node(from);
            match node.child(byte) {
                Some(next) => return next,
                None if from == START => return START,
                None => from = node.shorter,
            }
        }
    }
}

impl Drop for Automaton {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            node.children.iter_mut().for_each(|(byte, _)| byte.zeroize());
        }
        // The bytes with which needles begin.
        self.first.zeroize();
    }
}
