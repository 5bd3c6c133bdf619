using AwesomeAssertions;
using CsCheck;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using KubeProxyNet.Xds.Protocol;
using KubeProxyNet.Xds.Serving;

namespace KubeProxyNet.Xds.Tests.Protocol;

/// <summary>Both ends of the protocol, joined by two queues, under every order of events that chance comes up with.</summary>
public sealed class ConvergenceTests
{
    [Fact]
    public void Whatever_happens_on_the_way_the_proxy_ends_with_the_last_snapshot() => Gen.Int[0, 9].Array[0, 200].Sample(
        steps =>
        {
            var world = new World(steps);
            foreach (var step in steps)
            {
                world.Do(step);
            }

            world.Drain();
            return world.HasConverged();
        },
        iter: 500,
        threads: 1);

    [Fact]
    public void While_the_stream_holds_no_route_in_use_names_a_cluster_that_is_gone() => Gen.Int[0, 7].Array[0, 200].Sample(
        steps =>
        {
            var world = new World(steps);
            return steps.All(step =>
            {
                world.Do(step);
                return world.EveryRouteHasItsCluster();
            });
        },
        iter: 500,
        threads: 1);

    /// <summary>A control plane with changing snapshots, and a proxy that applies what it gets.</summary>
    private sealed class World
    {
        private readonly Random _random;
        private readonly AdsClientSession _client = new(new Node { Id = "n" });
        private readonly Queue<DiscoveryRequest> _requests = new();
        private readonly Queue<DiscoveryResponse> _responses = new();
        private readonly Dictionary<string, Dictionary<string, IMessage>> _inUse = XdsTypeUrls.InServingOrder.ToDictionary(type => type, _ => new Dictionary<string, IMessage>());
        private AdsServerSession _server = new("test");
        private Snapshot _snapshot = Snapshot.Empty;
        private bool _refuses;

        public World(int[] steps)
        {
            _random = new Random(steps.Aggregate(17, (seed, step) => unchecked((seed * 31) + step)));
            _client.SubscribeToAll(XdsTypeUrls.Cluster);
            _client.SubscribeToAll(XdsTypeUrls.Listener);
            _client.BeginStream();
        }

        public void Do(int step)
        {
            switch (step)
            {
                case 0 or 1:
                    ClientSends();
                    break;
                case 2 or 3:
                    ServerReceives();
                    break;
                case 4:
                    ServerSends();
                    break;
                case 5 or 6:
                    ClientReceives();
                    break;
                case 7:
                    _snapshot = RandomSnapshot();
                    _server.SetSnapshot(_snapshot);
                    break;
                case 8:
                    // The stream breaks, and what was under way is lost.
                    _requests.Clear();
                    _responses.Clear();
                    _client.EndStream();
                    _client.BeginStream();
                    _server = new AdsServerSession("test");
                    break;
                default:
                    _refuses = true;
                    break;
            }
        }

        public void Drain()
        {
            // Different in every resource, for what a proxy has refused is not sent again until it changes.
            _refuses = false;
            _snapshot = RandomSnapshot(isLast: true);
            _server.SetSnapshot(_snapshot);
            for (var i = 0; i < 60; i++)
            {
                ClientSends();
                ServerReceives();
                ServerSends();
                ClientReceives();
            }
        }

        public bool HasConverged()
        {
            _server.IsSettled.Should().BeTrue();
            _server.Rejections.Should().BeEmpty();
            foreach (var typeUrl in new[] { XdsTypeUrls.Cluster, XdsTypeUrls.Listener })
            {
                _inUse[typeUrl].Keys.Should().BeEquivalentTo(_snapshot[typeUrl].ByName.Keys);
            }

            foreach (var (typeUrl, resources) in _inUse)
            {
                foreach (var (name, message) in resources)
                {
                    XdsResource.Create(message).Version.Should().Be(_snapshot[typeUrl].ByName[name].Version);
                }
            }

            _inUse[XdsTypeUrls.ClusterLoadAssignment].Keys.Should().BeEquivalentTo(_inUse[XdsTypeUrls.Cluster].Keys);
            return true;
        }

        public bool EveryRouteHasItsCluster() => _inUse[XdsTypeUrls.RouteConfiguration].Values.Cast<RouteConfiguration>()
            .SelectMany(routes => routes.VirtualHosts.SelectMany(host => host.Routes).Select(route => route.Route_.Cluster))
            .All(_inUse[XdsTypeUrls.Cluster].ContainsKey);

        private void ClientSends()
        {
            if (_client.TryNext() is { } request)
            {
                _requests.Enqueue(request.Clone());
            }
        }

        private void ServerReceives()
        {
            if (_requests.TryDequeue(out var request))
            {
                _server.Receive(request).Kind.Should().NotBe(AdsRequestKind.Invalid);

                // The group is known from the first request, so the snapshot comes after it.
                _server.SetSnapshot(_snapshot);
            }
        }

        private void ServerSends()
        {
            if (_server.TryNext() is { } response)
            {
                _responses.Enqueue(response);
            }
        }

        private void ClientReceives()
        {
            if (!_responses.TryDequeue(out var response) || _client.Receive(response) is not { } update)
            {
                return;
            }

            update.Rejections.Should().BeEmpty();
            var refused = _refuses && update.Resources.Count > 0 ? update.Resources[0].Name : null;
            _refuses = false;
            var resources = _inUse[update.TypeUrl];
            foreach (var resource in update.Resources.Where(resource => resource.Name != refused))
            {
                resources[resource.Name] = resource.Message;
            }

            foreach (var name in update.Removed)
            {
                resources.Remove(name);
            }

            Follow(XdsTypeUrls.ClusterLoadAssignment, _inUse[XdsTypeUrls.Cluster].Values.Select(cluster => ((Cluster)cluster).Name));
            Follow(XdsTypeUrls.RouteConfiguration, _inUse[XdsTypeUrls.Listener].Values.Select(listener => "r" + ((Listener)listener).Name[1..]));
            _client.Complete(update, refused is null ? null : [new AdsRejection(refused, "by chance")]);
        }

        private void Follow(string typeUrl, IEnumerable<string> names)
        {
            var wanted = names.ToHashSet();
            _client.Subscribe(typeUrl, wanted);
            foreach (var gone in _inUse[typeUrl].Keys.Where(name => !wanted.Contains(name)).ToList())
            {
                _inUse[typeUrl].Remove(gone);
            }
        }

        private Snapshot RandomSnapshot(bool isLast = false)
        {
            var messages = new List<IMessage>();
            var clusters = Enumerable.Range(0, 5).Where(_ => _random.Next(2) == 0).Select(i => $"c{i}").ToList();
            messages.AddRange(clusters.Select(name => SampleResources.Cluster(name, isLast ? 9 : 1 + _random.Next(2))));
            messages.AddRange(clusters.Select(name => SampleResources.Endpoints(name, isLast ? 99 : 80 + (uint)_random.Next(2))));
            foreach (var i in Enumerable.Range(0, 3).Where(_ => _random.Next(2) == 0))
            {
                messages.Add(SampleResources.Listener($"l{i}", $"r{i}", isLast ? 9090 : 8080 + (uint)_random.Next(2)));
                var routes = SampleResources.Routes($"r{i}", [.. clusters.Where(_ => _random.Next(2) == 0)]);
                routes.IgnorePortInHostMatching = isLast;
                messages.Add(routes);
            }

            var snapshot = Snapshot.Create(messages);
            snapshot.Validate().Should().BeEmpty();
            return snapshot;
        }
    }
}
