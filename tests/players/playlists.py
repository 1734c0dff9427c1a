"""Reads a published directory's playlists with the parser `m3u8` in its strict mode, and prints what it found as JSON."""

import json
import pathlib
import sys

import m3u8


def parsed(path):
    playlist = m3u8.loads(path.read_text(encoding="utf-8"))
    # The strict parser raises for what it does not know and for tags that need another version.
    m3u8.M3U8(path.read_text(encoding="utf-8"), strict=True)
    return playlist


def media(path):
    playlist = parsed(path)
    return {
        "type": playlist.playlist_type,
        "target": playlist.target_duration,
        "version": int(playlist.version),
        "ended": playlist.is_endlist,
        "iframes": playlist.is_i_frames_only,
        "maps": [map.uri for map in playlist.segment_map],
        "segments": [[s.uri, s.duration, s.byterange, s.discontinuity] for s in playlist.segments],
    }


def variant(info):
    resolution = list(info.resolution) if info.resolution else None
    return {"bandwidth": info.bandwidth, "average": info.average_bandwidth, "codecs": info.codecs, "resolution": resolution,
            "frame_rate": getattr(info, "frame_rate", None)}


def main(directory):
    root = pathlib.Path(directory)
    master = parsed(root / "master.m3u8")
    variants = [{"uri": p.uri, **variant(p.stream_info)} for p in master.playlists]
    iframes = [{"uri": p.uri, **variant(p.iframe_stream_info)} for p in master.iframe_playlists]
    audio = [{"uri": m.uri, "language": m.language, "group": m.group_id} for m in master.media]
    uris = {entry["uri"] for entry in variants + iframes + audio}
    print(json.dumps({
        "independent": master.is_independent_segments,
        "variants": variants, "iframes": iframes, "audio": audio,
        "playlists": {uri: media(root / uri) for uri in sorted(uris)},
    }))


main(sys.argv[1])
